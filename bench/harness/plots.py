"""Plots of a report, by gnuplot."""


def draw(result, out):
    return []
