"""The shop's releases, as data: what each needs of the schema and what is wrong with it.

The code that runs is the same for all; a release is a row here. Nothing here does anything.
"""

from dataclasses import dataclass, field
from enum import Enum, auto


class Flaw(Enum):
    """A mistake somebody shipped."""

    TOTAL_WITHOUT_QUANTITY = auto()
    """A new order is answered with the price of one piece: wrong for whoever orders two."""

    WRITES_A_DROPPED_COLUMN = auto()
    """Placing an order names a column that the release's own migration took away."""


@dataclass(frozen=True)
class Wear:
    """A leak that shows with use: each request for orders after `onset_s` makes the next worse."""

    onset_s: float
    full_after_requests: int
    """So many requests after the onset until it is as bad as it gets."""
    worst_delay_s: float
    fails_one_in: int
    """At its worst, one request of so many fails."""


@dataclass(frozen=True)
class Release:
    """One version of the shop."""

    version: str
    summary: str
    head: str
    """The newest migration this release knows."""
    columns: tuple[str, ...]
    """What it expects of the table `orders`; it calls itself ready only if they are there."""
    flaws: frozenset[Flaw] = field(default_factory=frozenset[Flaw])
    wear: Wear | None = None
    warms_for_s: float = 0.0
    """How long its caches take to fill."""


_FIRST = ("id", "item", "quantity", "unit_cents", "note", "placed_at")
_DISCOUNT = (*_FIRST, "discount_cents")
_EXPRESS = (*_DISCOUNT, "express")

RELEASES: dict[str, Release] = {
    release.version: release
    for release in (
        Release("1.0.0", "orders", "0001", _FIRST),
        Release("1.1.0", "a tenth off from ten pieces", "0002", _DISCOUNT, warms_for_s=4.3),
        Release(
            "1.2.0",
            "totals reworked; wrong from two pieces",
            "0002",
            _DISCOUNT,
            flaws=frozenset({Flaw.TOTAL_WITHOUT_QUANTITY}),
        ),
        Release(
            "1.3.0",
            "express orders; leaks under traffic",
            "0003",
            _EXPRESS,
            # At 40 requests a second it is at its worst two seconds after the onset.
            wear=Wear(onset_s=2.5, full_after_requests=80, worst_delay_s=0.35, fails_one_in=4),
        ),
        Release(
            "1.4.0",
            "notes removed, for good; cannot place an order",
            "0004",
            tuple(column for column in _EXPRESS if column != "note"),
            flaws=frozenset({Flaw.WRITES_A_DROPPED_COLUMN}),
        ),
        Release(
            "2.0.0",
            "notes removed, for good",
            "0004",
            tuple(column for column in _EXPRESS if column != "note"),
        ),
    )
}


class UnknownRelease(LookupError):
    """There is no such release of the shop."""

    def __init__(self, version: str) -> None:
        super().__init__(f"no release {version!r} of the shop; there are {', '.join(RELEASES)}")
        self.version = version


def release(version: str) -> Release:
    """Return the release of that version.

    Raises:
        UnknownRelease: nobody released it.
    """
    try:
        return RELEASES[version]
    except KeyError:
        raise UnknownRelease(version) from None
