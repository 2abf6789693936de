"""How much is measured: in full, and quickly."""

import dataclasses

import work

MIB = 1 << 20


@dataclasses.dataclass
class Settings:
    is_quick: bool = False
    rounds: int = 5
    tunnels: tuple = (1, 8)
    bulk_bytes: int = 1024 * MIB
    warm_up_bytes: int = 64 * MIB
    floor_read_bytes: tuple = (64 << 10, 128 << 10, 256 << 10, 512 << 10, 1 << 20)
    calibration_bytes: int = 256 * MIB
    calibration_rounds: int = 3
    idle_tunnels: tuple = (1000, 4000)
    # 1,000 trips of 30 ms in all rounds together, for a p99.9.
    echo_seconds: float = 6.5
    echo_trips: int = 4000
    load_rounds: int = 5
    load_seconds: float = 3.0
    pushed_interval_ms: tuple = (0.5, 2, 5)
    pushed_rounds: int = 3
    pushed_seconds: float = 2.0
    # Each of them for each way to end, and further ones for the usual way.
    ends_concurrent: tuple = (1, 4, 16, 64)
    client_ends_concurrent: tuple = (256,)
    ends_rounds: int = 5
    ends_connections: int = 5000
    ends_seconds: float = 0.6
    start_rounds: int = 9
    long_variants: tuple = ((1, "down"), (1, "up"), (8, "down"))
    long_ramp_seconds: float = 4.0
    long_seconds: float = 10.0
    short_sizes: tuple = ("100 KB", "1 MB", "5 MB", "20 MB")
    short_rounds: int = 3
    work: tuple = work.IN_EVERY_RUN
    work_rounds: int = 5
    work_seconds: float = 1.5
    minutes_max: float = 45.0


def quick():
    """Enough to see that everything works and what is grossly different; no more."""
    return Settings(is_quick=True, rounds=3, bulk_bytes=64 * MIB, warm_up_bytes=8 * MIB,
                    floor_read_bytes=(128 << 10, 256 << 10, 512 << 10),
                    calibration_bytes=32 * MIB, calibration_rounds=1, idle_tunnels=(200,),
                    echo_seconds=0.5, echo_trips=400, load_rounds=1, load_seconds=1.0,
                    pushed_interval_ms=(2,), pushed_rounds=1, pushed_seconds=0.5,
                    ends_concurrent=(1, 16), client_ends_concurrent=(), ends_rounds=1,
                    ends_connections=300, ends_seconds=0.2, start_rounds=1,
                    short_sizes=("100 KB", "1 MB"), short_rounds=1, work_rounds=1, work_seconds=0.5,
                    long_variants=((1, "down"),), long_ramp_seconds=1.5, long_seconds=1.5,
                    minutes_max=2.2)
