"""Judges a signal of errors: counts against counts, with the requests they came from.

More requests with proportionally more errors is no change; a spike of one look is no rise.
"""

import math
from dataclasses import replace

import numpy as np

from goaround_judge.counts import Known, known, log_ratio_once, most_events, rising
from goaround_judge.evidence import Observed
from goaround_judge.load import Load
from goaround_judge.rules import SignalRule
from goaround_judge.samples import Series, Tallies
from goaround_judge.sufficiency import lack
from goaround_judge.verdicts import Colour, SignalVerdict, Word
from goaround_judge.wording import counted, moment, number, percent

RED = math.log(1 / 0.005)
"""Evidence for Red: under no change, reached at any look of a watch once in 200 at most."""
YELLOW = math.log(1 / 0.05)
RATE_FLOOR = 1e-5
"""One request in a hundred thousand: a rise that ends below it moves no one."""
BAD_RATE = 0.05
"""A baseline that fails one request in twenty was bad before any deployment."""
BURST = "in a burst that did not last"
LEAST_LOOKS = 3
"""Baseline looks without which there is nothing to compare."""
BEFORE_WORSE = 6
"""Looks of the baseline's end that are held against the rest of it."""


def judge_errors(observed: Observed, looks: int, load: Load) -> SignalVerdict:
    """Return how a signal of errors stands.

    Where requests were not counted, the traffic signals' growth takes their place.
    """
    rule, earlier, later, _ = observed
    # Rates need both sides counted; where the baseline's are not, looks are what is compared.
    with_requests = earlier.counts_requests and (later.counts_requests or not later.usable.any())
    before = earlier.tallies(of_requests=with_requests)
    after = later.tallies(of_requests=with_requests)
    if not with_requests:
        after = replace(after, exposure=after.exposure * load.at(after.at_s))
    thin = lack(rule, later, after)
    if len(before.errors) < LEAST_LOOKS:
        return _thin(rule, _no_baseline(len(before.errors)), None, earlier, later)
    base, worsening = _settled(before, looks, rule.matters_from)
    if len(after.errors) == 0:
        return _thin(rule, str(thin), base.rate, earlier, later)
    matters = rule.matters_from
    rise = rising(base, after.errors, after.exposure, looks=looks, matters_from=matters)
    logs = rise.logs
    if with_requests:
        enough = np.cumsum(after.errors) >= RATE_FLOOR * np.cumsum(after.exposure)
        logs = np.where(enough, logs, -np.inf)
    crossed = np.flatnonzero(logs >= RED)
    at = int(crossed[0]) if len(crossed) else len(logs) - 1
    anomalous = bool(logs[at] >= YELLOW)
    # A finding is told from where it began; the rest from the switch on.
    since = int(rise.since[at]) if anomalous else 0
    stake = float(rise.stakes[at] if anomalous else rise.stakes.max())
    seen = float(after.errors[since : at + 1].sum())
    over = float(after.exposure[since : at + 1].sum())
    rate = seen / over
    red_limit = most_events(base, over, matters, RED - stake) / over
    green_limit = most_events(base, over, matters, YELLOW - stake) / over
    bad_before = worsening or (with_requests and base.rate >= BAD_RATE)
    figures = _figures(seen, over, base, with_requests)
    counterfactual = f"would have been Green at {_rate(green_limit, with_requests)} or less"
    if len(crossed):
        colour, word = Colour.RED, Word.REGRESSED
        reason = (
            f"{figures}, beyond the limit of {_rate(red_limit, with_requests)} "
            f"{moment(float(after.at_s[at]))}"
        )
    elif anomalous:
        colour, word = Colour.YELLOW, Word.SUSPICIOUS
        reason = f"{figures}, near the limit of {_rate(red_limit, with_requests)}"
    elif thin is not None:
        colour, word, reason = Colour.YELLOW, Word.THIN, thin
        counterfactual = "would have been Green with enough data"
    else:
        kept = f"within {_rate(green_limit, with_requests)}"
        colour, reason = Colour.GREEN, f"{figures}, {kept if rate <= green_limit else BURST}"
        fewer = log_ratio_fallen(base, seen, over) >= RED
        word = Word.IMPROVED if fewer else Word.ALREADY_BAD if bad_before else Word.STEADY
        counterfactual = ""
    return SignalVerdict(
        name=rule.name,
        colour=colour,
        verdict=word,
        reason=f"{rule.name}: {reason}",
        baseline=base.rate,
        observed=rate,
        change=rate / base.rate - 1 if base.rate > 0 else None,
        limit=red_limit,
        green_limit=green_limit,
        would_be_green=counterfactual,
        samples=later.states,
        baseline_samples=earlier.states,
        red_at_s=float(after.at_s[at]) if len(crossed) else None,
        excess=max(float(logs[at]) / RED, 0.0),
        muted=rule.muted,
        improved=word is Word.IMPROVED,
        already_bad=bad_before,
    )


def log_ratio_fallen(base: Known, seen: float, over: float) -> float:
    """Return the evidence that a rate has fallen: the same test with the sides changed over."""
    if seen >= base.rate * over:
        return 0.0
    after = Known(seen, over, base.burstiness)
    return log_ratio_once(after, base.events, base.exposure, 0.0)


def _settled(before: Tallies, looks: int, matters_from: float) -> tuple[Known, bool]:
    """Return what describes the service just before the switch, and whether it was worsening.

    Where the errors had begun to rise before the switch, its last looks are the comparison.
    """
    whole = known(before.errors, before.exposure)
    early = len(before.errors) - max(BEFORE_WORSE, len(before.errors) // 3)
    if early < LEAST_LOOKS:
        return whole, False
    errors, exposure = before.errors[early:], before.exposure[early:]
    due = whole.rate * float(exposure.sum())
    if float(errors.sum()) <= due + 2 * math.sqrt(due):  # far from what the test would need
        return whole, False
    head = known(before.errors[:early], before.exposure[:early])
    rise = rising(head, errors, exposure, looks=looks, matters_from=matters_from)
    return (known(errors, exposure), True) if rise.logs[-1] >= RED else (whole, False)


def _no_baseline(looks: int) -> str:
    return f"{counted(looks, 'usable sample')} before the switch, {LEAST_LOOKS} needed to compare"


def _rate(rate: float, of_requests: bool) -> str:
    return percent(rate) if of_requests else f"{number(rate)} a look"


def _figures(errors: float, over: float, base: Known, of_requests: bool) -> str:
    """Return the counts and rates in words."""
    within = f"{number(over)} requests" if of_requests else counted(round(over), "look")
    return (
        f"{number(errors)} errors in {within} ({_rate(errors / over, of_requests)}) "
        f"against {_rate(base.rate, of_requests)} before"
    )


def _thin(
    rule: SignalRule, lacking: str, baseline: float | None, earlier: Series, later: Series
) -> SignalVerdict:
    """Return a verdict that rests on the lack of numbers."""
    return SignalVerdict(
        name=rule.name,
        colour=Colour.YELLOW,
        verdict=Word.THIN,
        reason=f"{rule.name}: {lacking}",
        baseline=baseline,
        would_be_green="would have been Green with enough data",
        samples=later.states,
        baseline_samples=earlier.states,
        muted=rule.muted,
    )
