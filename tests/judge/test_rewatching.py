"""A recorded watch, seen again look by look: as it was, and as it would have been."""

from collections.abc import Iterable

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goaround_judge import (
    Action,
    Colour,
    Columns,
    Evidence,
    LogEvidence,
    LogRule,
    Sample,
    SampleState,
    SignalColumns,
    SignalEvidence,
    SignalKind,
    SignalRule,
    Undecided,
    judge,
)
from goaround_judge.film import MOST_LOOKS, moments_of
from goaround_judge.rewatching import Plan, ended_at, plan_of, rewatch
from tests.judge.watches import EVERY_S, errors, log, noise, signal, watch

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def watched(whole: Evidence, plan: Plan, began_s: float = 0.0) -> Evidence:
    """Watch as the watcher does, on what `whole` holds; return the evidence of the verdict.

    A loop of its own: looks in step with the first, and at the end of each period.
    """
    until, used, elapsed = plan.period_s, 0, 0.0
    while True:
        now = whole.model_copy(
            update={
                "signals": tuple(_seen(s, began_s + elapsed) for s in whole.signals),
                "logs": tuple(_read(one, began_s + elapsed) for one in whole.logs),
                "every_s": plan.every_s,
                "period_s": until,
                "elapsed_s": elapsed,
                "extensions_used": used,
                "extensions_allowed": plan.extensions,
                "undecided": plan.undecided,
            }
        )
        verdict = judge(now)
        if verdict.decided:
            return now
        if verdict.action is Action.EXTEND:
            until, used = until + plan.extend_s, used + 1
        elapsed = min((elapsed // plan.every_s + 1) * plan.every_s, until)


def _seen(signal: SignalEvidence, at_s: float) -> SignalEvidence:
    return signal.model_copy(update={"post": tuple(s for s in signal.post if s.at_s <= at_s)})


def _read(one: LogEvidence, at_s: float) -> LogEvidence:
    return one.model_copy(update={"post": tuple(w for w in one.post if w.to_s <= at_s)})


@st.composite
def signals(draw: st.DrawFn) -> SignalEvidence:
    seed = draw(st.integers(0, 10_000))
    rng = np.random.default_rng(seed)
    after = 70
    if draw(st.booleans()):
        rate = draw(st.sampled_from([0.0, 0.002, 0.02]))
        return errors(
            rng.binomial(200, 0.002, 40),
            rng.binomial(200, rate, after),
            name=f"errors {seed}",
        )
    begins = draw(st.integers(0, after))
    harm = draw(st.sampled_from([1.0, 1.15, 1.4, 3.0]))
    values = np.array(noise(seed + 1, after))
    values[begins:] *= harm
    made = signal(noise(seed, 40), values, name=f"latency {seed}")
    lost = draw(st.sampled_from([0.0, 0.3, 0.7]))
    holes = tuple(
        Sample(at_s=s.at_s, state=SampleState.PROVIDER_ERROR) if rng.random() < lost else s
        for s in made.post
    )
    return made.model_copy(update={"post": holes})


plans = st.builds(
    Plan,
    period_s=st.sampled_from([0.0, 60.0, 300.0, 450.0]),
    every_s=st.just(EVERY_S),
    extend_s=st.sampled_from([60.0, 100.0]),
    extensions=st.integers(0, 3),
    undecided=st.sampled_from(list(Undecided)),
)


@quick
@given(
    st.lists(signals(), min_size=1, max_size=3, unique_by=lambda s: s.rule.name),
    plans,
    st.sampled_from([0.0, 4.2, 31.0]),
)
def test_under_the_plan_it_was_watched_by_a_watch_goes_as_it_went(
    seen: list[SignalEvidence], plan: Plan, began_s: float
) -> None:
    recorded = watched(watch(*seen), plan, began_s)
    again = rewatch(recorded, plan_of(recorded, extend_s=plan.extend_s))
    verdict = judge(recorded)
    assert (again.decided, again.verdict.colour) == (True, verdict.colour)
    assert (again.verdict.action, again.verdict.reason) == (verdict.action, verdict.reason)
    assert again.extensions == recorded.extensions_used
    if plan.period_s:
        assert again.at_s == ended_at(recorded)


def steady(after: int = 60, name: str = "p95") -> SignalEvidence:
    return signal(noise(1, 60), noise(2, after), name=name)


def harmed(at: int, factor: float = 3.0, after: int = 60) -> SignalEvidence:
    values = noise(2, after)
    return signal(
        noise(1, 60), [v * factor if i >= at else v for i, v in enumerate(values)], name="p95"
    )


def replan(
    evidence: Evidence,
    *,
    period_s: float | None = None,
    every_s: float | None = None,
    extensions: int = 0,
    undecided: Undecided = Undecided.HOLD,
    rules: Iterable[SignalRule] | None = None,
    logs: Iterable[LogRule] = (),
) -> Plan:
    was = plan_of(evidence)
    return Plan(
        period_s=was.period_s if period_s is None else period_s,
        every_s=was.every_s if every_s is None else every_s,
        extend_s=60.0,
        extensions=extensions,
        undecided=undecided,
        signals=was.signals if rules is None else tuple(rules),
        logs=tuple(logs),
    )


def test_a_shorter_period_ends_green_before_the_harm_that_came_later() -> None:
    evidence = watched(watch(harmed(40)), plan_of(watch(harmed(40))))
    assert judge(evidence).colour is Colour.RED
    course = rewatch(evidence, replan(evidence, period_s=300.0))
    assert (course.verdict.colour, course.verdict.action) == (Colour.GREEN, Action.ACCEPT)
    assert course.at_s == 300.0


def test_the_end_of_a_period_between_two_looks_is_looked_at_and_sees_nothing_later() -> None:
    evidence = watch(harmed(20), at=59 / 60)
    course = rewatch(evidence, replan(evidence, period_s=19.5 * EVERY_S))
    assert course.at_s == 19.5 * EVERY_S
    assert course.verdict.signals[0].samples["ok"] == 20
    assert course.verdict.colour is Colour.GREEN


def test_a_longer_period_than_was_recorded_is_said_to_be_unknown() -> None:
    evidence = watch(steady())
    course = rewatch(evidence, replan(evidence, period_s=3600.0))
    assert not course.decided
    assert course.at_s == 60 * EVERY_S
    assert course.reason.startswith("not recorded further: p95: ")
    assert "3600" not in course.reason


def test_more_patience_lets_a_moderate_change_pass() -> None:
    evidence = watch(harmed(0, factor=1.5))
    rule = evidence.signals[0].rule
    assert rewatch(evidence, replan(evidence)).verdict.colour is Colour.RED
    tolerant = rule.model_copy(update={"matters_from": 2.0})
    assert rewatch(evidence, replan(evidence, rules=[tolerant])).verdict.colour is Colour.GREEN
    muted = rule.model_copy(update={"muted": True})
    other = steady(name="other")
    both = watch(harmed(0), other)
    course = rewatch(both, replan(both, rules=[muted, other.rule]))
    assert course.verdict.colour is Colour.GREEN
    down = rule.model_copy(update={"kind": SignalKind.THROUGHPUT})
    assert rewatch(evidence, replan(evidence, rules=[down])).verdict.colour is Colour.GREEN


def test_what_was_never_recorded_is_named_and_what_the_plan_lacks_is_dropped() -> None:
    lines = log([["INFO ok"]] * 8, [["ERROR no database"]] * 20, name="app")
    evidence = watch(steady(), harmed(0).model_copy(), logs=(lines,)).model_copy(
        update={"signals": (steady(), harmed(0).model_copy(update={"rule": _rule("bad one")}))}
    )
    plan = replan(
        evidence, rules=[_rule("p95"), _rule("p99")], logs=[LogRule(name="audit")], undecided=HOLD
    )
    course = rewatch(evidence, plan)
    assert course.missing == ("p99", "audit")
    assert course.dropped == ("bad one", "app")
    assert course.verdict.colour is Colour.GREEN
    assert [s.name for s in course.verdict.signals] == ["p95"]


HOLD = Undecided.HOLD


def _rule(name: str) -> SignalRule:
    return SignalRule(name=name, kind=SignalKind.LATENCY, unit="s")


def test_numbers_of_another_kind_are_not_taken_for_what_the_plan_wants() -> None:
    evidence = watch(steady())
    wanted = SignalRule(name="p95", kind=SignalKind.ERRORS)
    course = rewatch(evidence, replan(evidence, rules=[wanted]))
    assert course.missing == ("p95 (recorded as another kind)",)
    assert course.verdict.colour is Colour.YELLOW


def test_the_way_out_of_doubt_is_the_plans() -> None:
    evidence = watch(signal(noise(1, 60), noise(2, 3)), looks=3)
    for undecided, action in (
        (Undecided.HOLD, Action.HOLD),
        (Undecided.ROLLBACK, Action.ROLLBACK),
        (Undecided.ACCEPT, Action.ACCEPT),
    ):
        assert rewatch(evidence, replan(evidence, undecided=undecided)).verdict.action is action


def test_looks_farther_apart_sum_counts_and_keep_the_last_level() -> None:
    evidence = watch(steady(), errors([0] * 60, [1] * 60))
    course = rewatch(evidence, replan(evidence, every_s=4 * EVERY_S))
    assert course.looks <= 17
    assert course.verdict.signals[0].samples["ok"] <= 17
    fine = rewatch(evidence, replan(evidence))
    assert course.verdict.signals[1].observed is not None
    assert fine.verdict.signals[1].colour is course.verdict.signals[1].colour is Colour.RED


def test_a_look_that_brought_nothing_is_still_a_look_when_looks_are_merged() -> None:
    gone = steady().model_copy(
        update={
            "post": tuple(Sample(at_s=EVERY_S * i, state=SampleState.NO_DATA) for i in range(60))
        }
    )
    evidence = watch(gone)
    course = rewatch(evidence, replan(evidence, every_s=4 * EVERY_S))
    assert course.verdict.colour is Colour.YELLOW
    assert course.verdict.signals[0].samples["no_data"] >= 15


def test_columns_in_any_order_are_seen_as_they_came() -> None:
    rows = list(enumerate(noise(2, 60, 0.6)))
    turned = rows[::-1]
    one = SignalColumns(
        rule=_rule("p95"),
        baseline=Columns(
            at_s=tuple(-EVERY_S * (60 - i) for i in range(60)), value=tuple(noise(1, 60))
        ),
        post=Columns(at_s=tuple(EVERY_S * i for i, _ in turned), value=tuple(v for _, v in turned)),
        control_post=Columns(at_s=(30.0, 0.0), value=(0.2, 0.2)),
    )
    evidence = watch().model_copy(update={"columns": (one,)})
    course = rewatch(evidence, replan(evidence))
    assert course.verdict.colour is Colour.RED
    assert course.at_s < 10 * EVERY_S


def test_times_that_belong_to_one_look_are_one_moment() -> None:
    late = steady(name="scraped").model_copy(
        update={"post": tuple(Sample(at_s=15.0 * i + 0.2, value=0.2) for i in range(60))}
    )
    assert len(moments_of(watch(steady(), late), EVERY_S)) == 60


def test_a_watch_of_many_looks_is_seen_at_few_and_ends_where_it_ended() -> None:
    evidence = watch(steady(after=3000), looks=3000)
    moments = moments_of(evidence, EVERY_S)
    assert len(moments) == MOST_LOOKS
    assert (moments[-1], ended_at(evidence)) == (2999 * EVERY_S, 3000 * EVERY_S)
    course = rewatch(evidence, replan(evidence))
    assert course.looks <= MOST_LOOKS + 1  # the end has a look of its own
    assert course.verdict.colour is Colour.GREEN


def test_a_watch_that_saw_nothing_at_all_goes_as_it_went() -> None:
    evidence = watch()
    course = rewatch(evidence, plan_of(evidence))
    assert (course.verdict.action, course.at_s) == (Action.HOLD, evidence.elapsed_s)


def test_a_plan_that_wants_no_watch_accepts_at_once() -> None:
    evidence = watch(harmed(0))
    course = rewatch(evidence, replan(evidence, period_s=0.0))
    assert (course.verdict.action, course.at_s, course.looks) == (Action.ACCEPT, 0.0, 1)
