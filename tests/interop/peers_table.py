"""The table in README.md of what is run with which server: written by peers_test.py --write-table
after a run in which nothing failed, and compared with every run."""

import pathlib

README = pathlib.Path(__file__).resolve().parent / "README.md"
BEGIN = "<!-- written by peers_test.py --write-table -->\n"
END = "<!-- end of what it writes -->\n"
TITLES = {"kex": "key exchange", "host_key": "host key", "cipher": "cipher", "mac": "MAC",
          "method": "lets us in by", "rekey": "new keys"}


def column(kind, both, methods):
    """One server's part: {row: cell}; rows are (title, name)."""
    rows = {("", "version"): kind.version()}
    for name in "kex", "host_key", "cipher", "mac":
        rows.update({(TITLES[name], each): "yes" for each in both[name]})
    rows.update({(TITLES["method"], method): "yes" for method in methods})
    rows[TITLES["rekey"], "by the server"] = "1 MiB" if kind.rekeys else "1 GiB"
    rows[TITLES["rekey"], "by us"] = "1 MiB" if kind.takes_rekeys else "ends it"
    return rows


def read():
    """The columns that README.md has, by server."""
    lines = README.read_text().partition(BEGIN)[2].partition(END)[0].strip().split("\n")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    columns = {name: {} for name in cells[0][2:]}
    title = ""
    for row in cells[2:]:
        title = row[0] or title
        for name, cell in zip(columns, row[2:]):
            if cell != "":
                columns[name]["" if row[1] == "version" else title, row[1]] = cell
    return columns


def write(columns):
    """`columns` by server, rows in the order in which they first appear."""
    rows = {}
    for title in ["", *TITLES.values()]:
        for each in columns.values():
            rows.update({row: None for row in each if row[0] == title})
    lines = [["", "", *columns], ["---"] * (2 + len(columns))]
    shown = None
    for row in rows:
        lines.append([row[0] if row[0] != shown else "", row[1],
                      *(each.get(row, "") for each in columns.values())])
        shown = row[0]
    table = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
    before, _, rest = README.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    README.write_text(f"{before}{BEGIN}{table}{END}{after}")
