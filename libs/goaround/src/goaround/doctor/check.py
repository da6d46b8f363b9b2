"""One thing that was looked at, how it is, and what to do. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Check:
    """One row: what, how it is, in words, and the next step if it is not well."""

    name: str
    level: Level
    value: str
    step: str = ""


def worst(checks: Iterable[Check]) -> Level:
    """Return how bad it is altogether."""
    levels = {check.level for check in checks}
    return "bad" if "bad" in levels else "warn" if "warn" in levels else "ok"
