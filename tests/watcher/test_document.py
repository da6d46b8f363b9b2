"""The document: what is kept of a look, how it stays small, and what the judge is shown."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goaround_judge import SampleState, Severity
from goaround_schemas.guide import LogSource
from goaround_watcher import document, evidence, logbook, plan, watch
from goaround_watcher.document import Bounds
from goaround_watcher.look import Look, SeenSignal
from goaround_watcher.looks import Looks, Row
from goaround_watcher.sources.port import Cursor, Lines
from goaround_watcher.state import LogRecord, SignalRecord, State, Stretch, Template, changed
from tests.watcher.builders import at, command, queried, row, since_1970, span
from tests.watcher.builders import plan as watch_plan


def begun(action: str = "watch", *, old: State | None = None, **fields: object) -> State:
    wanted = watch_plan(**fields)
    asked = command(action, watch=wanted, named=f"c-{action}")
    return watch.begun(asked, wanted, old, at(0), longest_baseline_s=300)


def full(rows: int, signals: int = 30, logs: int = 3) -> State:
    names = [f"s{i}" for i in range(signals)]
    state = begun(signals=[queried(name) for name in names])
    numbers = Looks.of(row(-i, 0.1234567890123 + i) for i in range(rows, 0, -1))
    log = LogRecord(
        templates=tuple(Template(f"{'t' * 150}{i}", Severity.INFO, "e" * 200) for i in range(2000)),
        before=tuple(
            Stretch(float(i), i + 1.0, dict.fromkeys(range(i % 20), i)) for i in range(1000)
        ),
    )
    return state.model_copy(
        update={
            "signals": {name: SignalRecord(before=numbers, after=numbers) for name in names},
            "logs": {f"l{i}": log for i in range(logs)},
        }
    )


def test_a_document_is_read_as_it_was_written() -> None:
    state = full(20, signals=2, logs=1)
    assert document.read(document.write(state)) == state


def test_a_changed_state_is_a_copy_with_other_values_and_leaves_the_first_as_it_was() -> None:
    state = full(20, signals=2, logs=1)
    before = document.write(state)
    new = changed(state, tick=7, due=at(5))
    assert new == state.model_copy(update={"tick": 7, "due": at(5)})
    assert document.write(new) == document.write(state.model_copy(update={"tick": 7, "due": at(5)}))
    assert document.write(state) == before
    assert changed(new, tick=state.tick, due=state.due) == state


def test_what_is_let_go_is_never_what_is_recent() -> None:
    state = full(3000)
    kept = document.bounded(state, Bounds(rows=100, stretches=100, templates=100))
    assert kept.thinned > 0
    for name, record in kept.signals.items():
        assert record.after[-5:] == state.signals[name].after[-5:]
        assert record.after[0].at < since_1970(-2900)
    assert all(
        log.before[-1].until == state.logs["l0"].before[-1].until for log in kept.logs.values()
    )


def test_what_is_within_its_bounds_is_left_as_it_is() -> None:
    state = full(100, signals=2, logs=0)
    assert document.bounded(state, Bounds()) is state


def test_stretches_that_are_added_up_lose_no_line() -> None:
    stretches = tuple(Stretch(float(i), i + 1.0, {0: 1, 1: i}) for i in range(100))
    fewer = document.merged(stretches, 40)
    assert len(fewer) <= 40
    assert sum(s.counts[0] for s in fewer) == 100
    assert sum(s.until - s.since for s in fewer) == 100


def test_templates_beyond_the_table_are_let_go_harmless_ones_first() -> None:
    log = LogRecord(
        templates=(
            Template("often", Severity.INFO, ""),
            Template("rare", Severity.INFO, ""),
            Template("bad", Severity.ERROR, ""),
        ),
        after=(Stretch(0, 1, {0: 50, 1: 2, 2: 1}),),
    )
    state = begun().model_copy(update={"logs": {"app": log}})
    kept = document.bounded(state, Bounds(templates=2)).logs["app"]
    assert [t.text for t in kept.templates] == ["often", "bad"]
    assert kept.after[0].counts == {0: 50, 1: 1}
    assert kept.dropped == 2


@pytest.mark.parametrize("damaged", [b"", b"{}", b"\xff", b"[1]"])
def test_a_damaged_document_is_unreadable(damaged: bytes) -> None:
    with pytest.raises(document.Unreadable):
        document.read(damaged)


def test_a_document_of_a_later_release_is_unreadable_here() -> None:
    later = json.loads(begun().model_dump_json()) | {"format": 99}
    with pytest.raises(document.Unreadable, match="its format is 99"):
        document.read(json.dumps(later).encode())


def test_the_judge_is_shown_seconds_after_the_switch() -> None:
    asked = command("watch", switched_at=at(-30))
    state = watch.begun(asked, watch_plan(), None, at(0), longest_baseline_s=300)
    record = SignalRecord(
        before=Looks.of([row(-40, 1.0)]), after=Looks.of([row(-20, 2.0), row(5, 3.0)])
    )
    state = state.model_copy(update={"signals": {"p95": record}})
    shown = evidence.evidence_of(state, since_1970(5))
    assert list(shown.columns[0].baseline.at_s) == [-10]
    assert list(shown.columns[0].post.at_s) == [10, 35]
    assert shown.elapsed_s == 5


def test_an_alarm_that_rings_a_little_early_ends_the_watch_all_the_same() -> None:
    state = begun()
    assert evidence.evidence_of(state, state.until - 0.01).elapsed_s == 60
    assert evidence.evidence_of(state, state.until + 900).elapsed_s == 60


def test_what_came_before_the_switch_is_not_held_against_the_new_version() -> None:
    state = begun()
    seen = SeenSignal((row(-5, 9.0), row(5, 1.0)))
    look = Look(span(-5, 5), {"p95": seen}, {}, {})
    kept = watch.after(state, look, at(5)).signals["p95"]
    assert kept.after == (row(5, 1.0),)


def test_a_watch_forgets_the_counters_of_before_the_switch() -> None:
    old = begun("baseline")
    assert begun("watch", old=old).memory == {}


def log_of(*lines: str, state: SampleState = SampleState.OK) -> Lines:
    return Lines(lines, state, cursors={"1:1": Cursor(path="app.log", offset=1)})


def test_history_tells_what_is_known_and_not_how_often() -> None:
    record = logbook.with_history(LogRecord(), log_of(*["ERROR known"] * 50), span(-5, 0))
    record = logbook.with_baseline(record, log_of("INFO hello"), span(0, 5))
    record = logbook.with_baseline(record, log_of("INFO hello"), span(5, 10))
    shown = logbook.windows(record, record.before, since_1970(10))
    assert [{c.template: c.count for c in w.counts} for w in shown] == [
        {"ERROR known": 1, "INFO hello": 1},
        {"INFO hello": 1},
    ]


def test_of_the_first_lines_after_the_switch_those_count_that_are_of_after_it() -> None:
    record = LogRecord(cursors={})
    lines = log_of("2025-12-31T23:59:59Z ERROR old", "2026-01-01T00:00:01Z ERROR new")
    kept = logbook.with_first_watched(record, lines, span(0, 5))
    assert sum(kept.after[0].counts.values()) == 1
    assert kept.templates[0].example.endswith("new")
    undated = logbook.with_first_watched(record, log_of("ERROR when"), span(0, 5))
    assert undated.after == ()


def test_an_unreadable_log_is_a_stretch_of_its_own() -> None:
    lines = log_of(state=SampleState.PROVIDER_ERROR)
    kept = logbook.with_watched(LogRecord(cursors={}), lines, span(0, 5))
    assert not kept.after[0].readable


def test_a_log_that_fails_at_its_first_look_is_looked_at_afresh() -> None:
    broken = Lines((), SampleState.PROVIDER_ERROR, "denied", None)
    assert logbook.with_history(LogRecord(), broken, span(0, 5)).cursors is None


@pytest.mark.parametrize(
    ("now", "expected"),
    [(0, 5), (4.99, 5), (5.0, 10), (5.2, 10), (23, 25), (58, 60), (59, 60), (62, 65)],
)
def test_the_next_look_is_in_step_and_the_last_one_at_the_end(now: float, expected: float) -> None:
    due = plan.next_look(since_1970(0), 5, since_1970(now), since_1970(60))
    assert due == at(expected)


def test_the_end_is_looked_at_even_out_of_step() -> None:
    assert plan.next_look(since_1970(0), 7, since_1970(57), since_1970(60)) == at(60)


def test_logs_of_one_title_are_told_apart() -> None:
    logs = [{"file": "a.log"}, {"file": "a.log"}, {"name": "a.log", "file": "b.log"}]
    named = plan.titled(watch_plan(logs=logs))
    assert list(named) == ["a.log", "a.log (2)", "a.log (3)"]
    assert named["a.log (3)"] == LogSource(name="a.log", file="b.log")


def test_a_look_is_short_in_the_document() -> None:
    def size(count: int) -> int:
        numbers = Looks.of(row(15 * i, 0.1234567890123 + i) for i in range(count))
        return len(SignalRecord(before=numbers).model_dump_json())

    assert (size(1020) - size(20)) / 1000 < 22


def test_a_document_of_the_first_format_is_read_and_goes_on_in_the_second() -> None:
    was = json.loads(begun().model_dump_json())
    switch = since_1970(0)
    was["format"] = 1
    was["signals"]["p95"] = {
        "before": [[switch - 10, 0.5, "ok", None, None], [switch - 5, None, "nan", None, None]],
        "after": [[switch + 5, None, "ok", 2.0, 50.0]],
        "reference": [],
    }
    state = document.read(json.dumps(was).encode())
    record = state.signals["p95"]
    assert record.before == (row(-10, 0.5), row(-5, None, SampleState.NAN))
    assert record.after == (Row(since_1970(5), None, SampleState.OK, 2.0, 50.0),)
    assert not record.reference
    written = document.write(state)
    assert json.loads(written)["format"] == 2
    assert document.read(written) == state


@pytest.mark.parametrize(
    ("looks", "why"),
    [
        ({"at": "AAAA"}, "length"),
        ({"at": "!"}, "no base64"),
        ({"at": 7}, "a column is a text"),
        ({"at": "AAAAAAAAAAA=", "value": "AAAAAAAAAAAAAAAAAAAAAA=="}, "differ in length"),
        ({"at": "AAAAAAAAAAA=", "state": "/w=="}, "no such state"),
        ([[1.0, "2", "ok"]], "is no number"),
        ([[1.0]], "no row"),
        ([7], "no row"),
        ("AAAA", "columns or rows"),
    ],
)
def test_looks_that_are_damaged_make_the_document_unreadable(looks: object, why: str) -> None:
    damaged = json.loads(begun().model_dump_json())
    damaged["signals"]["p95"] = {"after": looks}
    with pytest.raises(document.Unreadable, match=why):
        document.read(json.dumps(damaged).encode())


_NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
_ROWS = st.lists(
    st.builds(
        Row,
        st.floats(0, 4e9),
        _NUMBERS,
        st.sampled_from(SampleState),
        _NUMBERS,
        _NUMBERS,
    )
)


@given(_ROWS, _ROWS)
def test_looks_hold_what_their_rows_held(some: list[Row], more: list[Row]) -> None:
    looks = Looks.of(some).plus(more)
    rows = (*some, *more)
    assert tuple(looks) == rows
    assert looks == rows
    assert len(looks) == len(rows)
    assert Looks.read(looks.columns()) == looks
    assert (looks.values or (None,) * len(rows)) == tuple(r.value for r in rows)
    assert (looks.states or (SampleState.OK,) * len(rows)) == tuple(r.state for r in rows)
    assert (looks.requests or (None,) * len(rows)) == tuple(r.requests for r in rows)
