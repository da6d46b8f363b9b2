"""Differences and lists as parts of a sentence. Pure."""

from collections.abc import Sequence

_SHOWN = 3
"""Differences that a sentence can bear; the record holds all."""


def counted(strays: Sequence[str]) -> str:
    """Return `1 difference` or `3 differences`."""
    return f"{len(strays)} difference{'s' * (len(strays) != 1)}"


def first(strays: Sequence[str]) -> str:
    """Return the first few differences, and how many more there are."""
    more = f"; and {len(strays) - _SHOWN} more" if len(strays) > _SHOWN else ""
    return "; ".join(strays[:_SHOWN]) + more


def listed(names: Sequence[str]) -> str:
    """Return `a`, `a and b`, `a, b and c`."""
    return " and ".join(p for p in (", ".join(names[:-1]), names[-1] if names else "") if p)
