"""The verdict of a look is that of the evidence that is kept of it, whatever is remembered."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from goaround_judge import SampleState, judge
from goaround_schemas.guide import Signal
from goaround_watcher import watch
from goaround_watcher.evidence import Insight, evidence_of, verdict_on
from goaround_watcher.looks import Looks, Row
from goaround_watcher.state import SignalRecord, State
from tests.watcher.builders import START, command, plan, queried

NOISE = (1.0, 1.02, 0.97, 1.01, 1.05, 0.99, 0.96, 1.03)

SIGNALS = [
    queried("p95", kind="latency", control={"prometheus": "b"}),
    queried("rps", kind="throughput"),
    queried("cpu", kind="saturation"),
    queried("share", kind="error_rate", bad="both"),
    {
        "name": "errors",
        "kind": "errors",
        "errors": {"prometheus": "e"},
        "requests": {"prometheus": "r"},
    },
]


def rows(
    signal: Signal, count: int, first_s: float, level: float, states: list[SampleState]
) -> Looks:
    """Looks in step, restless, some of them without a number."""
    made: list[Row] = []
    for i in range(count):
        at, state = START.timestamp() + first_s + 5 * i, states[i % len(states)]
        number = level * NOISE[(i + len(signal.name)) % len(NOISE)]
        if state is not SampleState.OK:
            made.append(Row(at, None, state))
        elif signal.kind == "errors":
            made.append(Row(at, None, state, float(round(number)), 100.0))
        else:
            made.append(Row(at, number))
    return Looks.of(made)


def seen(state: State, looks: int, level: float, states: list[SampleState]) -> State:
    """The state as it stands after so many looks."""

    def record(signal: Signal) -> SignalRecord:
        known = state.signals[signal.name]
        return known.model_copy(
            update={
                "after": rows(signal, looks, 0, level, states),
                "control_after": rows(signal, looks, 0, 1.0, states) if signal.control else (),
            }
        )

    return state.model_copy(update={"signals": {s.name: record(s) for s in state.plan.signals}})


def begun(before: int, reference: int, states: list[SampleState]) -> State:
    wanted = plan(signals=SIGNALS, period="5m")
    state = watch.begun(command("watch", watch=wanted), wanted, None, START, longest_baseline_s=300)

    def record(signal: Signal) -> SignalRecord:
        return SignalRecord(
            before=rows(signal, before, -5.0 * before, 1.0, states),
            reference=rows(signal, reference, -3600.0, 1.1, [SampleState.OK]),
            control_before=rows(signal, before, -5.0 * before, 1.0, states),
        )

    return state.model_copy(update={"signals": {s.name: record(s) for s in wanted.signals}})


@settings(max_examples=60, deadline=None)
@given(
    before=st.integers(0, 40),
    reference=st.sampled_from([0, 12]),
    level=st.sampled_from([0.4, 1.0, 1.06, 1.3, 4.0]),
    states=st.lists(st.sampled_from(SampleState), min_size=1, max_size=7).map(
        lambda some: [*some, SampleState.OK, SampleState.OK]
    ),
)
def test_every_look_is_judged_as_its_evidence_whatever_is_remembered(
    before: int, reference: int, level: float, states: list[SampleState]
) -> None:
    state, insight = begun(before, reference, states), Insight()
    for looks in (0, 1, 2, 3, 5, 13, 14, 30):
        now = START.timestamp() + 5 * looks
        shown = seen(state, looks, level, states)
        written = judge(evidence_of(shown, now)).model_dump_json()
        assert verdict_on(shown, now, insight).model_dump_json() == written


def test_what_is_remembered_of_another_baseline_is_not_used() -> None:
    insight, ok = Insight(), [SampleState.OK]
    for before in (20, 6, 30):
        shown = seen(begun(before, 0, ok), 12, 1.3, ok)
        now = START.timestamp() + 60
        written = judge(evidence_of(shown, now)).model_dump_json()
        assert verdict_on(shown, now, insight).model_dump_json() == written
