"""Puts what a level shows into a signal's verdict: colour, word, numbers and the reason."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from goaround_judge.agreement import Witness
from goaround_judge.calibration import LEAST_BASELINE
from goaround_judge.control import LeftOut, Matched, matched
from goaround_judge.evidence import Observed
from goaround_judge.load import WORTH_TELLING, Load
from goaround_judge.measured import Finding, Scale, directions, find
from goaround_judge.promise import Promise
from goaround_judge.robust import in_order, median
from goaround_judge.rules import Bad, SignalKind, SignalRule
from goaround_judge.samples import Floats, Levels, Series
from goaround_judge.setoff import SetOff, Whose, set_off
from goaround_judge.sufficiency import lack
from goaround_judge.verdicts import Colour, SignalVerdict, Word
from goaround_judge.wording import change, counted, moment, number

# An enum is slow to ask for its members, and these are asked for at each look at each signal.
_GREEN, _YELLOW, _RED = Colour
_STEADY, _IMPROVED, _SUSPICIOUS, _REGRESSED, _ALREADY_BAD, _ELSEWHERE, _THIN = Word
_OURS, _SHARED, _OPEN = Whose
_SATURATION, _THROUGHPUT, _UP = SignalKind.SATURATION, SignalKind.THROUGHPUT, Bad.UP

_NOT_READ = Levels(np.empty(0), np.empty(0))
"""Without a control nothing is held against the baseline's single looks."""


def judge_level(
    observed: Observed, promise: Promise, load: Load
) -> tuple[SignalVerdict, Witness | None]:
    """Return how a signal that is a level stands, and what it can second.

    What a resource is used for is traffic: its use is held against the baseline per unit of it.
    """
    rule, earlier, later, reference, control, usual = observed
    known, after = observed.before, later.levels()
    thin = lack(rule, later, None)
    if known.usable < LEAST_BASELINE or len(after.values) == 0:
        return _unknown(rule, thin, earlier(), later), None
    before = earlier().levels() if control else _NOT_READ
    beside = matched(control, before.at_s, after.at_s, LEAST_BASELINE) if control else None
    grown = 1.0
    if rule.kind is _SATURATION and rule.direction is _UP:
        growth = load.at(after.at_s)
        grown = float(growth[-1])
        after = Levels(after.at_s, after.values / growth)
        if isinstance(beside, Matched):  # its load is unknown: as much more as here, at the most
            beside = Matched(beside.before, beside.after / growth)
    shown = [
        _sided(
            rule,
            find(rule, sign, earlier, after, reference, promise, usual),
            before.values,
            beside,
            promise,
        )
        for sign in directions(rule)
    ]
    side = shown[0] if len(shown) == 1 else max(shown, key=_Side.gravity)
    worst = side.found
    scale, limit = worst.scale, worst.limit
    centre = scale.off(worst.band.centre)
    stands = scale.off(worst.observed)
    share = stands / centre - 1 if centre > 0 else None
    red_limit, green_limit = scale.off(limit.red), scale.off(limit.yellow)
    counterfactual = ""
    figures = _figures(rule, stands, centre, share)
    if grown >= WORTH_TELLING:
        figures += f" for each unit of load, which is {number(grown)} times what it was"
    red_at_s = float(after.at_s[side.place]) if side.red else None
    if red_at_s is not None:
        colour, word = _RED, _REGRESSED
        reason = f"{figures}, beyond the limit of {number(red_limit, rule.unit)} {moment(red_at_s)}"
        counterfactual = _would_be_green(rule, scale, green_limit)
    elif side.suspicious:
        colour, word = _YELLOW, _SUSPICIOUS
        stand = "beyond" if worst.red else "near"
        reason = f"{figures}, {stand} the limit of {number(red_limit, rule.unit)}"
        counterfactual = _would_be_green(rule, scale, green_limit)
    elif thin is not None:
        colour, word, reason = _YELLOW, _THIN, thin
        counterfactual = "would have been Green with enough data"
    elif worst.suspicious:
        colour, word, reason = _GREEN, _ELSEWHERE, figures
    else:
        colour = _GREEN
        better = len(shown) == 1 and _improved(worst)
        worse_before = _ALREADY_BAD if worst.band.already_bad else _STEADY
        word = _IMPROVED if better else worse_before
        reason = f"{figures}, within {number(green_limit, rule.unit)}"
    verdict = SignalVerdict(
        name=rule.name,
        colour=colour,
        verdict=word,
        reason=f"{rule.name}: {reason}{_aside(rule, side)}",
        baseline=centre,
        observed=stands,
        change=share,
        limit=red_limit if math.isfinite(red_limit) else None,
        green_limit=green_limit if math.isfinite(green_limit) else None,
        would_be_green=counterfactual,
        samples=later.states,
        baseline_samples=known.states,
        red_at_s=red_at_s,
        excess=min(max(side.excess, 0.0), 1e6),
        muted=rule.muted,
        improved=word is _IMPROVED,
        already_bad=worst.band.already_bad,
    )
    # A change of traffic, or of no known sense, seconds nothing.
    may_second = len(shown) == 1 and rule.kind is not _THROUGHPUT
    if not may_second or not side.has_strays:
        return verdict, None
    return verdict, Witness(
        verdict, after.at_s, after.values, side.strays, side.far, side.one_look(), rule.unit
    )


class _Side(NamedTuple):
    """One direction of a signal: what it shows by itself, and beyond its control if any."""

    found: Finding
    control: SetOff | LeftOut | None

    @property
    def _whose(self) -> Whose:
        return self.control.whose if isinstance(self.control, SetOff) else _OURS

    @property
    def red(self) -> bool:
        """Tell whether it is Red, its control heard."""
        return self.found.red and self._whose is _OURS

    @property
    def suspicious(self) -> bool:
        """Tell whether it is not Green, its control heard."""
        return self.found.suspicious and self._whose is not _SHARED

    def gravity(self) -> tuple[bool, bool, float]:
        """Return what decides between two directions."""
        return self.red, self.suspicious, self.found.excess

    @property
    def place(self) -> int:
        """Return the look at which that was known."""
        return self.control.place if isinstance(self.control, SetOff) else self.found.place

    @property
    def excess(self) -> float:
        """Return how far it stands towards Red: 1 is on the limit, nought with its control."""
        if self.found.suspicious and self._whose is not _OURS:
            return 0.0 if self._whose is _SHARED else min(self.found.excess, 1.0)
        return self.found.excess

    @property
    def has_strays(self) -> bool:
        """Tell whether any look strays by itself, beyond the control as well."""
        if isinstance(self.control, SetOff):
            return bool(np.count_nonzero(self.control.strays))
        return self.found.has_strays

    @property
    def strays(self) -> npt.NDArray[np.bool_]:
        """Return the looks that stray by themselves, beyond the control as well."""
        return self.control.strays if isinstance(self.control, SetOff) else self.found.strays

    @property
    def far(self) -> npt.NDArray[np.bool_]:
        """Return the looks that stray by far, beyond the control as well."""
        if isinstance(self.control, SetOff):
            return self.control.far
        return self.found.after > self.found.band.far

    def one_look(self) -> Floats:
        """Return what each look may reach by itself, in the signal's unit."""
        if isinstance(self.control, SetOff):
            return self.found.scale.all_off(self.control.one_look)
        alone = self.found.scale.off(self.found.band.alone)
        return np.full(len(self.found.after), alone)


def _sided(
    rule: SignalRule,
    found: Finding,
    before: Floats,
    beside: Matched | LeftOut | None,
    promise: Promise,
) -> _Side:
    """Return what one direction shows, set off against the control where that can be done."""
    if isinstance(beside, Matched):
        return _Side(found, set_off(rule, found, before, beside, promise))
    return _Side(found, beside)


def _aside(rule: SignalRule, side: _Side) -> str:
    """Return what the control shows at the same looks, as the end of a reason."""
    control = side.control
    if isinstance(control, LeftOut):
        return f"; its control is left out: {control.why}"
    if control is None or not side.found.suspicious:
        return ""
    if control.after is None:
        return "; its control has no look at that time"
    share = f" ({change(control.after / control.before - 1)})" if control.before > 0 else ""
    doubt = ", which does not tell yet whose that is" if control.whose is _OPEN else ""
    return (
        f"; its control shows {number(control.after, rule.unit)} against "
        f"{number(control.before, rule.unit)} before{share} at the same looks{doubt}"
    )


def _improved(found: Finding) -> bool:
    """Tell whether the signal moved away from harm by as much as would have made it Red."""
    return found.excess <= -1.0


def _figures(rule: SignalRule, observed: float, centre: float, share: float | None) -> str:
    moved = "" if share is None else f" ({change(share)})"
    return f"{number(observed, rule.unit)} against {number(centre, rule.unit)} before{moved}"


def _would_be_green(rule: SignalRule, scale: Scale, green_limit: float) -> str:
    sense = "<=" if scale.sign > 0 else ">="
    return f"would have been Green at {rule.name} {sense} {number(green_limit, rule.unit)}"


def _unknown(rule: SignalRule, thin: str | None, earlier: Series, later: Series) -> SignalVerdict:
    """Return the verdict on a signal that cannot be compared: Yellow, and what is missing."""
    before = earlier.levels().values
    if thin is None or len(before) < LEAST_BASELINE:
        thin = (
            f"{counted(len(before), 'usable sample')} before the switch, "
            f"{LEAST_BASELINE} needed to compare"
        )
    return SignalVerdict(
        name=rule.name,
        colour=_YELLOW,
        verdict=_THIN,
        reason=f"{rule.name}: {thin}",
        baseline=median(in_order(before)) if len(before) else None,
        would_be_green="would have been Green with enough data",
        samples=later.states,
        baseline_samples=earlier.states,
        muted=rule.muted,
    )
