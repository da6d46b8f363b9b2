"""What is played: three systems, and the faults that each of them is the place for."""

from dataclasses import dataclass

from tests.chaos import faults as kinds

_MIB = 1024 * 1024


@dataclass(frozen=True)
class Scene:
    """One system, and what is done to it beside the load: faults in tracks of their own."""

    key: str
    name: str
    runs: int
    seconds: float
    tracks: tuple[tuple[tuple[str, ...], tuple[float, float]], ...]
    servers: int = 1
    disk_bytes: int = 0
    links: bool = False


def scenes(runs: int, seconds: float, *, short: bool) -> list[Scene]:
    """What is played, in so many runs and seconds altogether."""
    times = 1 if short else 10
    services = (*kinds.KILLS, *kinds.STOPS, *kinds.RESTARTS)
    pauses: dict[str, tuple[float, float]] = (
        {"services": (0.2, 1.2), "servers": (4, 8), "network": (2, 6)}
        if short
        else {"services": (0.8, 2.4), "servers": (8, 20), "network": (4, 12)}
    )
    one = Scene(
        "one",
        "one server",
        runs=int(runs * 0.8),
        seconds=seconds * 0.6,
        tracks=(
            (services * times, pauses["services"]),
            (kinds.OF_SERVERS * times, pauses["servers"]),
            (kinds.OF_NETWORK * times, pauses["network"]),
        ),
        links=True,
    )
    three = Scene(
        "three",
        "three servers",
        runs=int(runs * 0.1),
        seconds=seconds * 0.25,
        tracks=(
            (kinds.OF_CLUSTER * times, (3, 8)),
            (kinds.KILLS if not short else kinds.KILLS[:1], (4, 10)),
        ),
        servers=3,
    )
    disk = Scene(
        "disk",
        "a small disk",
        runs=runs - one.runs - three.runs,
        seconds=seconds * 0.15,
        tracks=((kinds.OF_DISK * times, (3, 6)),),
        disk_bytes=192 * _MIB,
    )
    return [one, three, disk]
