"""Judges a signal of errors: counts against counts, with the requests they came from.

More requests with proportionally more errors is no change; a spike of one look is no rise.
"""

import math
from typing import NamedTuple

import numpy as np

from goaround_judge.control import LeftOut, counted_beside
from goaround_judge.counts import Beside, Known, known, log_ratio_once, most_events, rising
from goaround_judge.evidence import Before, Observed
from goaround_judge.load import Load
from goaround_judge.rules import SignalRule
from goaround_judge.samples import Series, Tallies
from goaround_judge.sufficiency import lack
from goaround_judge.verdicts import Colour, SignalVerdict, Word
from goaround_judge.wording import counted, moment, number, percent

# An enum is slow to ask for its members, and these are asked for at each look.
_GREEN, _YELLOW, _RED = Colour
_STEADY, _IMPROVED, _SUSPICIOUS, _REGRESSED, _ALREADY_BAD, _ELSEWHERE, _THIN = Word

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
    rule, earlier, later, _, control, usual = observed
    before = observed.before
    # Rates need both sides counted; where the baseline's are not, looks are what is compared.
    with_requests = before.counts_requests and (later.counts_requests or not later.usable.any())
    after = later.tallies(of_requests=with_requests)
    if not with_requests:
        after = after._replace(exposure=after.exposure * load.at(after.at_s))
    thin = lack(rule, later, after)
    seen, settled = usual.once(
        (with_requests, looks),
        lambda: _before(earlier().tallies(of_requests=with_requests), looks, rule.matters_from),
    )
    if settled is None:
        return _thin(rule, _no_baseline(seen), None, before, later)
    base, worsening = settled
    if len(after.errors) == 0:
        return _thin(rule, str(thin), base.rate, before, later)
    beside = (
        counted_beside(control, after.at_s, of_requests=with_requests, least=LEAST_LOOKS)
        if control
        else None
    )
    found = find(base, after, looks, rule.matters_from, beside)
    alone = find(base, after, looks, rule.matters_from, None) if found.excused else found
    elsewhere = alone.anomalous and not found.anomalous
    told = alone if elsewhere else found  # the harm is what must be told, and what excuses it
    bad_before = worsening or (with_requests and base.rate >= BAD_RATE)
    figures = _figures(told, base, with_requests)
    counterfactual = ""
    if found.anomalous:
        red_limit = _rate(found.red_limit, with_requests)
        green_limit = _rate(found.green_limit, with_requests)
        counterfactual = f"would have been Green at {green_limit} or less"
        colour, word = _YELLOW, _SUSPICIOUS
        reason = f"{figures}, near the limit of {red_limit}"
        if found.red_at_s is not None:
            colour, word = _RED, _REGRESSED
            reason = f"{figures}, beyond the limit of {red_limit} {moment(found.red_at_s)}"
    elif thin is not None:
        colour, word, reason = _YELLOW, _THIN, thin
        counterfactual = "would have been Green with enough data"
    elif elsewhere:
        colour, word, reason = _GREEN, _ELSEWHERE, figures
    else:
        kept = BURST
        if told.rate <= found.green_limit:
            kept = f"within {_rate(found.green_limit, with_requests)}"
        colour, reason = _GREEN, f"{figures}, {kept}"
        fewer = log_ratio_fallen(base, told.seen, told.over) >= RED
        word = _IMPROVED if fewer else _ALREADY_BAD if bad_before else _STEADY
    return SignalVerdict(
        name=rule.name,
        colour=colour,
        verdict=word,
        reason=f"{rule.name}: {reason}{_aside(told, beside, with_requests)}",
        baseline=base.rate,
        observed=told.rate,
        change=told.rate / base.rate - 1 if base.rate > 0 else None,
        limit=found.red_limit,
        green_limit=found.green_limit,
        would_be_green=counterfactual,
        samples=later.states,
        baseline_samples=before.states,
        red_at_s=found.red_at_s,
        excess=max(found.log / RED, 0.0),
        muted=rule.muted,
        improved=word is _IMPROVED,
        already_bad=bad_before,
    )


class Finding(NamedTuple):
    """What the counts show: the evidence at the moment of Red or now, and from where it counts.

    `since` and `at` are the first and last look that count; limits are rates.
    """

    log: float
    red_at_s: float | None
    anomalous: bool
    since: int
    at: int
    seen: float
    over: float
    red_limit: float
    green_limit: float
    excused: bool

    @property
    def rate(self) -> float:
        """Return events for one unit of exposure."""
        return self.seen / self.over


def find(
    base: Known, after: Tallies, looks: int, matters: float, beside: Beside | LeftOut | None
) -> Finding:
    """Return what the counts after the switch show, set off against those of a control if any."""
    control = beside if isinstance(beside, Beside) else None
    rise = rising(
        base, after.errors, after.exposure, looks=looks, matters_from=matters, control=control
    )
    logs, at, red = rise.logs, len(rise.logs) - 1, False
    if rise.highest > 0:  # else no look is evidence of anything
        if after.of_requests:
            enough = after.errors.cumsum() >= RATE_FLOOR * after.exposure.cumsum()
            logs = np.where(enough, logs, -np.inf)
        crossed = logs >= RED
        first = int(crossed.argmax())
        red = bool(crossed[first])
        at = first if red else at
    anomalous = bool(logs[at] >= YELLOW)
    # A finding is told from where it began; the rest from the switch on.
    since = int(rise.since[at]) if anomalous else 0
    stake = float(rise.stakes[at] if anomalous else rise.stakes.max())
    over = float(after.exposure[since : at + 1].sum())
    stretched, sure = over * float(rise.growths[at]), base.less_sure(float(rise.keep[at]))
    red_events, green_events = most_events(sure, stretched, matters, (RED - stake, YELLOW - stake))
    return Finding(
        log=float(logs[at]),
        red_at_s=float(after.at_s[at]) if red else None,
        anomalous=anomalous,
        since=since,
        at=at,
        seen=float(after.errors[since : at + 1].sum()),
        over=over,
        red_limit=red_events / over,
        green_limit=green_events / over,
        excused=control is not None and bool(np.count_nonzero(rise.growths > 1)),
    )


def _aside(found: Finding, beside: Beside | LeftOut | None, of_requests: bool) -> str:
    """Return what the control shows over the same looks, as the end of a reason."""
    if isinstance(beside, LeftOut):
        return f"; its control is left out: {beside.why}"
    if beside is None or not found.anomalous:
        return ""
    seen = float(beside.events[found.since : found.at + 1].sum())
    over = float(beside.exposure[found.since : found.at + 1].sum())
    if over <= 0:
        return "; its control has no look at that time"
    usual = float(beside.events_before.sum() / beside.exposure_before.sum())
    return (
        f"; its control shows {_rate(seen / over, of_requests)} against "
        f"{_rate(usual, of_requests)} before at the same looks"
    )


def log_ratio_fallen(base: Known, seen: float, over: float) -> float:
    """Return the evidence that a rate has fallen: the same test with the sides changed over."""
    if seen >= base.rate * over:
        return 0.0
    after = Known(seen, over, base.burstiness)
    return log_ratio_once(after, base.events, base.exposure, 0.0)


def _before(
    before: Tallies, looks: int, matters_from: float
) -> tuple[int, tuple[Known, bool] | None]:
    """Return how many looks a baseline has, and what it says where they are enough."""
    seen = len(before.errors)
    return seen, None if seen < LEAST_LOOKS else _settled(before, looks, matters_from)


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


def _figures(found: Finding, base: Known, of_requests: bool) -> str:
    """Return the counts and rates in words."""
    over = found.over
    within = f"{number(over)} requests" if of_requests else counted(round(over), "look")
    return (
        f"{number(found.seen)} errors in {within} ({_rate(found.rate, of_requests)}) "
        f"against {_rate(base.rate, of_requests)} before"
    )


def _thin(
    rule: SignalRule, lacking: str, baseline: float | None, before: Before, later: Series
) -> SignalVerdict:
    """Return a verdict that rests on the lack of numbers."""
    return SignalVerdict(
        name=rule.name,
        colour=_YELLOW,
        verdict=_THIN,
        reason=f"{rule.name}: {lacking}",
        baseline=baseline,
        would_be_green="would have been Green with enough data",
        samples=later.states,
        baseline_samples=before.states,
        muted=rule.muted,
    )
