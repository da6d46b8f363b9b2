"""What the whole watch promises: over how many looks, and shared by how many signals.

Limits follow from the plan of the watch and never from how it goes.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from goaround_judge.evidence import Observed
from goaround_judge.samples import Floats


class Promise(NamedTuple):
    """How many looks and signals the watch's chance of a false Red is spent on."""

    looks: int
    signals: int


def promise_of(looks: int, observed: Iterable[Observed]) -> Promise:
    """Return what is promised; a signal that never moves cannot raise a false alarm."""
    noisy = sum(not one.rule.muted and _moves(one) for one in observed)
    return _promise(looks, max(noisy, 1))


@lru_cache(maxsize=1024)
def _promise(looks: int, signals: int) -> Promise:
    """Return the one promise of so much, as what is remembered of each signal names it."""
    return Promise(looks, signals)


def _moves(observed: Observed) -> bool:
    return observed.usual.once("moves", lambda: _is_restless(observed.earlier().levels().values))


def _is_restless(values: Floats) -> bool:
    if len(values) == 0:
        return False
    return bool(values[0] != values[-1]) or bool((values != values[0]).any())
