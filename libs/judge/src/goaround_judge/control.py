"""What the control of a signal shows at the signal's own looks: numbers, or why there are none.

The control is the same signal of something that is not deployed now. It can only excuse: what it
shows as well is not the deployment's, and what it does not show accuses nobody. Looks are matched
by their time, and what is known at a look is never a later one of the control.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from goaround_judge.counts import Beside
from goaround_judge.samples import Floats, Levels, Series
from goaround_judge.wording import counted

OLDEST_LOOKS = 3
"""Looks for which a control that has stopped answering is still believed to stand where it was."""


@dataclass(frozen=True, slots=True)
class Control:
    """The series of a control, and how far apart looks are."""

    earlier: Series
    later: Series
    every_s: float


class Matched(NamedTuple):
    """The control's numbers at the signal's looks before and after; NaN where none is known."""

    before: Floats
    after: Floats


class LeftOut(NamedTuple):
    """Why a control cannot be compared with, as a clause."""

    why: str


def matched(control: Control, before_s: Floats, after_s: Floats, least: int) -> Matched | LeftOut:
    """Return the control of a level beside its signal; `least` looks before the switch are due."""
    every_s = control.every_s
    earlier = _beside(control.earlier.levels(), before_s, every_s, every_s)
    later = _beside(control.later.levels(), after_s, every_s, OLDEST_LOOKS * every_s)
    seen = int(np.count_nonzero(np.isfinite(earlier)))
    if seen < least:
        return LeftOut(f"{counted(seen, 'look')} of it before the switch, {least} needed")
    if not np.count_nonzero(np.isfinite(later)):
        return LeftOut("no look of it after the switch")
    return Matched(earlier, later)


def _beside(levels: Levels, moments: Floats, every_s: float, oldest_s: float) -> Floats:
    """Return the level known at each moment; half an interval is the same look."""
    if not len(levels.at_s):
        return np.full(len(moments), np.nan)
    place = np.searchsorted(levels.at_s, moments + every_s / 2, side="right") - 1
    known = (place >= 0) & (levels.at_s[place] > moments - oldest_s)
    return np.where(known, levels.values[place], np.nan)


def counted_beside(
    control: Control, moments: Floats, *, of_requests: bool, least: int
) -> Beside | LeftOut:
    """Return the control of a signal of errors: its counts up to each look since the one before."""
    before = control.earlier.tallies(of_requests=of_requests)
    after = control.later.tallies(of_requests=of_requests)
    if len(before.errors) < least:
        seen = counted(len(before.errors), "look")
        return LeftOut(f"{seen} of it before the switch, {least} needed")
    if not len(after.errors):
        return LeftOut("no look of it after the switch")
    upto = np.searchsorted(after.at_s, moments + control.every_s / 2, side="right")
    errors = np.diff(np.concatenate(((0.0,), after.errors.cumsum()))[upto], prepend=0.0)
    exposure = np.diff(np.concatenate(((0.0,), after.exposure.cumsum()))[upto], prepend=0.0)
    return Beside(before.errors, before.exposure, errors, exposure)
