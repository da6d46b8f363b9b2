"""Puts what a level shows into a signal's verdict: colour, word, numbers and the reason."""

import math

from goaround_judge.agreement import Witness
from goaround_judge.calibration import LEAST_BASELINE
from goaround_judge.evidence import Observed
from goaround_judge.load import WORTH_TELLING, Load
from goaround_judge.measured import Finding, directions, find
from goaround_judge.promise import Promise
from goaround_judge.robust import in_order, median
from goaround_judge.rules import Bad, SignalKind, SignalRule
from goaround_judge.samples import Levels, Series
from goaround_judge.sufficiency import lack
from goaround_judge.verdicts import Colour, SignalVerdict, Word
from goaround_judge.wording import change, counted, moment, number


def judge_level(
    observed: Observed, promise: Promise, load: Load
) -> tuple[SignalVerdict, Witness | None]:
    """Return how a signal that is a level stands, and what it can second.

    What a resource is used for is traffic: its use is held against the baseline per unit of it.
    """
    rule, earlier, later, season = observed
    before, after = earlier.levels(), later.levels()
    thin = lack(rule, later, None)
    if len(before.values) < LEAST_BASELINE or len(after.values) == 0:
        return _unknown(rule, thin, earlier, later), None
    reference = season.levels() if season else None
    grown = 1.0
    if rule.kind is SignalKind.SATURATION and rule.direction is Bad.UP:
        growth = load.at(after.at_s)
        grown = float(growth[-1])
        after = Levels(after.at_s, after.values / growth)
    shown = [find(rule, sign, before, after, reference, promise) for sign in directions(rule)]
    worst = max(shown, key=lambda f: (f.red_at_s is not None, f.suspicious, f.excess))
    scale, limit = worst.scale, worst.limit
    centre = scale.off(worst.band.centre)
    stands = scale.off(worst.observed)
    share = stands / centre - 1 if centre > 0 else None
    red_limit, green_limit = scale.off(limit.red), scale.off(limit.yellow)
    figures = _figures(rule, stands, centre, share)
    if grown >= WORTH_TELLING:
        figures += f" for each unit of load, which is {number(grown)} times what it was"
    side = "<=" if scale.sign > 0 else ">="
    counterfactual = f"would have been Green at {rule.name} {side} {number(green_limit, rule.unit)}"
    if worst.red_at_s is not None:
        colour, word = Colour.RED, Word.REGRESSED
        reason = (
            f"{figures}, beyond the limit of {number(red_limit, rule.unit)} "
            f"{moment(worst.red_at_s)}"
        )
    elif worst.suspicious:
        colour, word = Colour.YELLOW, Word.SUSPICIOUS
        reason = f"{figures}, near the limit of {number(red_limit, rule.unit)}"
    elif thin is not None:
        colour, word, reason = Colour.YELLOW, Word.THIN, thin
        counterfactual = "would have been Green with enough data"
    else:
        colour, counterfactual = Colour.GREEN, ""
        better = len(shown) == 1 and _improved(worst)
        worse_before = Word.ALREADY_BAD if worst.band.already_bad else Word.STEADY
        word = Word.IMPROVED if better else worse_before
        reason = f"{figures}, within {number(green_limit, rule.unit)}"
    verdict = SignalVerdict(
        name=rule.name,
        colour=colour,
        verdict=word,
        reason=f"{rule.name}: {reason}",
        baseline=centre,
        observed=stands,
        change=share,
        limit=red_limit if math.isfinite(red_limit) else None,
        green_limit=green_limit if math.isfinite(green_limit) else None,
        would_be_green=counterfactual,
        samples=later.states,
        baseline_samples=earlier.states,
        red_at_s=worst.red_at_s,
        excess=min(max(worst.excess, 0.0), 1e6),
        muted=rule.muted,
        improved=word is Word.IMPROVED,
        already_bad=worst.band.already_bad,
    )
    if len(shown) > 1 or rule.kind is SignalKind.THROUGHPUT:
        return verdict, None  # a change of traffic, or of no known sense, seconds nothing
    alone = scale.off(worst.band.alone)
    return verdict, Witness(verdict, after.at_s, after.values, worst.strays, alone, rule.unit)


def _improved(found: Finding) -> bool:
    """Tell whether the signal moved away from harm by as much as would have made it Red."""
    return found.excess <= -1.0


def _figures(rule: SignalRule, observed: float, centre: float, share: float | None) -> str:
    moved = "" if share is None else f" ({change(share)})"
    return f"{number(observed, rule.unit)} against {number(centre, rule.unit)} before{moved}"


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
        colour=Colour.YELLOW,
        verdict=Word.THIN,
        reason=f"{rule.name}: {thin}",
        baseline=median(in_order(before)) if len(before) else None,
        would_be_green="would have been Green with enough data",
        samples=later.states,
        baseline_samples=earlier.states,
        muted=rule.muted,
    )
