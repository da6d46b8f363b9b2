"""Watches a recorded watch again, look by look, under another plan. Pure.

Each look is judged on what was known by then; extensions are granted as the plan has them; it ends
at the first verdict that would have ended the watch. What was never recorded is never made up.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace

from goaround_judge.evidence import Evidence, Undecided
from goaround_judge.film import Film, film_of, fits, moments_of
from goaround_judge.judging import judge
from goaround_judge.rules import LogRule, SignalRule
from goaround_judge.verdicts import Action, Verdict

SAME_LOOK = 0.25
"""Share of the time between looks by which one may come late and still be the one that was due."""
LEAST_APART = 0.75


@dataclass(frozen=True, slots=True)
class Plan:
    """How a service is to be watched: a guide's watch, as far as it matters to the judge."""

    period_s: float
    every_s: float
    extend_s: float = 0.0
    extensions: int = 0
    undecided: Undecided = Undecided.HOLD
    signals: tuple[SignalRule, ...] = ()
    logs: tuple[LogRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Course:
    """How a watch would have gone."""

    verdict: Verdict
    """The one that ended it, or the last one where the recording ends before that."""
    at_s: float
    """When, in seconds after the switch."""
    looks: int
    extensions: int
    missing: tuple[str, ...]
    """Signals and logs of the plan that were not recorded: nothing is known of them."""
    dropped: tuple[str, ...]
    """Signals and logs that were recorded, and that the plan does not name."""

    @property
    def decided(self) -> bool:
        """Whether it came to an end within what was recorded."""
        return self.verdict.decided

    @property
    def reason(self) -> str:
        """Return the verdict's reason, and where that is so, that nothing further is recorded."""
        if self.decided:
            return self.verdict.reason
        return f"not recorded further: {self.verdict.reason}"


def plan_of(evidence: Evidence, *, extend_s: float = 0.0) -> Plan:
    """Return the plan that a watch was under, with how long each extension was.

    A recording tells how long a watch came to be, and how many extensions that holds, not how long
    each was. Without `extend_s`, one that was extended counts as one that was so long from the
    start.
    """
    used = evidence.extensions_used if extend_s else 0
    return Plan(
        period_s=max(evidence.period_s - used * extend_s, 0.0),
        every_s=evidence.every_s,
        extend_s=extend_s,
        extensions=evidence.extensions_allowed,
        undecided=evidence.undecided,
        signals=_rules(evidence),
        logs=tuple(log.rule for log in evidence.logs),
    )


def _rules(evidence: Evidence) -> tuple[SignalRule, ...]:
    return (*(s.rule for s in evidence.signals), *(s.rule for s in evidence.columns))


def ended_at(evidence: Evidence) -> float:
    """Return when a recorded watch had its last look, in seconds after the switch."""
    # A watch never begins before the switch, so that its end is not before its length.
    return max(moments_of(evidence, evidence.every_s)[-1], evidence.elapsed_s)


def rewatch(evidence: Evidence, plan: Plan) -> Course:
    """Return how the recorded watch would have gone under the plan."""
    rules = {rule.name: rule for rule in plan.signals}
    logs = {rule.name: rule for rule in plan.logs}
    film = film_of(evidence, rules, logs, plan.every_s)
    missing, dropped = _unmatched(evidence, plan)
    ended = ended_at(evidence)
    began = ended - evidence.elapsed_s
    film = replace(film, moments=_within(film.moments, began, ended, SAME_LOOK * film.every_s))
    until, used, looks = plan.period_s, 0, 0
    at = min(film.moments[0], began + until)
    while True:
        is_end = at >= began + until - SAME_LOOK * film.every_s
        now = film.until(at).model_copy(
            update={
                "period_s": until,
                "elapsed_s": until if is_end else max(at - began, 0.0),
                "extensions_used": used,
                "extensions_allowed": plan.extensions,
                "undecided": plan.undecided,
            }
        )
        verdict, looks = judge(now), looks + 1
        if verdict.action is Action.EXTEND:
            until, used = until + plan.extend_s, used + 1
        following = _next_look(film, at, began + until)
        if verdict.decided or following is None:
            return Course(verdict, max(at, 0.0), looks, used, missing, dropped)
        at = following


def _within(
    moments: tuple[float, ...], began_s: float, ended_s: float, near_s: float
) -> tuple[float, ...]:
    """Return the looks of the watch itself.

    What came between the switch and its begin was seen by its first look, not before; and the last
    look was one even where the sources had nothing new to say.
    """
    inner = moments[bisect_left(moments, began_s - near_s) : bisect_left(moments, ended_s - near_s)]
    return (*inner, ended_s)


def _next_look(film: Film, last_s: float, end_s: float) -> float | None:
    """Return when is looked next: where it was, and at the end; None where nothing is left.

    The end has a look of its own, as the watcher would have taken it, if no recorded one is near.
    """
    near = SAME_LOOK * film.every_s
    if end_s <= last_s + near:
        return last_s  # an extension of no length: the same look decides again
    soonest = last_s + LEAST_APART * film.every_s
    for moment in film.moments[bisect_right(film.moments, last_s) :]:
        if moment > end_s + near:
            return end_s
        if moment >= min(soonest, end_s - near) or moment == film.moments[-1]:
            return moment
    return None


def _unmatched(evidence: Evidence, plan: Plan) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what the plan names and was not recorded, and what was and it does not name."""
    recorded = {rule.name: rule for rule in _rules(evidence)}
    missing = [
        rule.name if rule.name not in recorded else f"{rule.name} (recorded as another kind)"
        for rule in plan.signals
        if rule.name not in recorded or not fits(recorded[rule.name], rule)
    ]
    logs = {log.rule.name for log in evidence.logs}
    missing += [rule.name for rule in plan.logs if rule.name not in logs]
    wanted = {rule.name for rule in plan.signals} | {rule.name for rule in plan.logs}
    dropped = [name for name in (*recorded, *sorted(logs)) if name not in wanted]
    return tuple(missing), tuple(dropped)
