"""What is remembered of earlier runs, and that the same command always learns the same."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goaround_schemas.recording import WorkRecord
from goaround_scribe.journal import line_for
from goaround_scribe.learning import learn, patience, silence, timing, watching
from goaround_scribe.learning.lesson import MOST_CORRECTIONS
from goaround_scribe.learning.memory import MOST_BYTES, MOST_RUNS, remember
from goaround_scribe.scribe import record
from tests.builders import rollback_summary, row, step_result
from tests.scribe import builders
from tests.scribe.builders import entry_of, workspace
from tests.scribe.learned import GUIDE, asked_of, journal_of, lesson, run, switched


def ids(command: WorkRecord, journal: bytes) -> list[str]:
    return [r.run_id for r in remember(command.data, journal).past]


def test_runs_are_remembered_newest_first() -> None:
    assert ids(run(9), journal_of([run(n) for n in range(4)])) == ["r-3", "r-2", "r-1", "r-0"]


def test_a_line_that_was_read_once_is_not_read_again() -> None:
    journal = journal_of([run(n) for n in range(3)])
    first = remember(run(3).data, journal).past
    later = remember(run(4).data, journal + journal_of([run(3)])).past
    assert [r.run_id for r in later] == ["r-3", "r-2", "r-1", "r-0"]
    assert all(known is again for known, again in zip(first, later[1:], strict=True))


def test_what_a_run_did_comes_back_as_it_was() -> None:
    told = switched(1, 3.5, rollback=rollback_summary(), outcome="rolled_back")
    (back,) = remember(run(2).data, journal_of([told])).past
    assert back.steps[0].model_copy(update={"output": "x"}) == told.data.steps[0].model_copy(
        update={"output": "x"}
    )
    assert back.verification == told.data.verification
    assert back.watch == told.data.watch
    assert back.rollback is not None
    assert back.rollback.matrix == rollback_summary().matrix
    assert (back.outcome, back.kind, back.environment) == ("rolled_back", "deploy", "prod")


def test_runs_of_other_services_in_one_journal_are_no_memory_and_no_fault() -> None:
    found = remember(run(2).data, journal_of([run(1, service="bank"), run(0)]))
    assert [r.run_id for r in found.past] == ["r-0"]
    assert found.broken == 0


@pytest.mark.parametrize(
    "broken",
    [
        b"{",
        b"[]",
        b'"checkout"',
        b"\xff\xfe",
        b'{"service":"checkout","run_id":"r-5"}',
        b"[" * 100_000,
        b'{"service":"checkout","run_id":7}',
        line_for(run(5)).replace('"outcome"', '"outcame"').encode(),
        line_for(run(5)).encode()[:-40],
    ],
)
def test_a_broken_line_is_passed_over_and_counted(broken: bytes) -> None:
    journal = journal_of([run(0)]) + broken + b"\n\n  \n" + journal_of([run(1)])
    found = remember(run(9).data, journal)
    assert [r.run_id for r in found.past] == ["r-1", "r-0"]
    assert found.broken == 1


@settings(max_examples=60)
@given(st.binary(max_size=200), st.integers(0, 400), st.sampled_from([b"", b"\n"]))
def test_no_bytes_keep_a_run_from_being_learned_from(junk: bytes, at: int, end: bytes) -> None:
    journal = journal_of([switched(1, 1700)])
    spoilt = journal[:at] + junk + end + journal[at:]
    assert learn(switched(2, 1700).data, spoilt).corrections


def test_a_run_that_stands_there_twice_counts_once() -> None:
    assert ids(run(9), journal_of([run(1), run(1)])) == ["r-1"]


def test_no_more_runs_are_looked_at_than_are_allowed() -> None:
    journal = journal_of([run(n) for n in range(MOST_RUNS + 7)])
    found = ids(run(999), journal)
    assert len(found) == MOST_RUNS - 1
    assert found[0] == f"r-{MOST_RUNS + 6}"


def test_no_more_bytes_are_looked_at_than_are_allowed() -> None:
    long = b'{"service":"bank","run_id":"b","x":"' + b"x" * MOST_BYTES + b'"}\n'
    journal = journal_of([run(1)]) + long + journal_of([run(2), run(3)])
    found = remember(run(9).data, journal)
    assert [r.run_id for r in found.past] == ["r-3", "r-2"]
    assert found.broken == 0, "a line that is cut off by the bound is no broken line"


def test_a_line_that_begins_at_the_bound_is_whole() -> None:
    last = journal_of([run(2)])
    filler = b'{"service":"bank","run_id":"b","x":"'
    filler += b"x" * (MOST_BYTES - len(last) - len(filler) - 3) + b'"}\n'
    assert len(filler) + len(last) == MOST_BYTES
    journal = journal_of([run(1)]) + filler + last
    assert ids(run(9), journal) == ["r-2"]
    assert remember(run(9).data, journal).broken == 0


def test_what_was_recorded_after_a_run_is_not_learned_when_its_command_comes_again() -> None:
    past, now, later = [switched(1, 3)], switched(2, 1500), [switched(3, 1700)]
    first = learn(now.data, journal_of(past))
    again = learn(now.data, journal_of([*past, now, *later]))
    assert again == first
    assert "1500 s" in first.corrections[0].evidence


def test_a_run_that_only_mentions_another_is_not_taken_for_it() -> None:
    mentions = run(1, request_reason='"r-2"', requested_by="r-2")
    assert ids(run(2), journal_of([run(0), mentions])) == ["r-1", "r-0"]


def test_a_command_that_comes_again_has_the_same_corrections_byte_for_byte(tmp_path: Path) -> None:
    pages = workspace(tmp_path)
    for n in range(1, 4):
        record(recorded(switched(n, 1700)), pages)
    command = recorded(switched(4, 3))
    first = record(command, pages)
    record(recorded(switched(5, 1790)), pages)
    again = record(command, pages)
    assert first.corrections
    assert again.model_dump_json(include={"corrections"}) == first.model_dump_json(
        include={"corrections"}
    )
    assert entry_of(again, "corrections") == entry_of(first, "corrections")


def recorded(command: WorkRecord, **fields: Any) -> WorkRecord:
    """The run with a change log, so with a journal, and with no page."""
    data = command.data.model_copy(
        update={"record": builders.record(**fields), "docs": None, "guide_text": GUIDE}
    )
    return command.model_copy(update={"data": data})


def test_the_entry_says_on_how_many_runs_it_rests(tmp_path: Path) -> None:
    pages = workspace(tmp_path)
    record(recorded(switched(1, 3)), pages)
    with (tmp_path / "CHANGELOG.jsonl").open("ab") as journal:
        journal.write(b"{cut off")
    said = entry_of(record(recorded(switched(2, 4)), pages), "corrections")
    assert said.outcome == "unchanged"
    assert said.detail == (
        "the guide fits; learned from 2 runs on record; "
        "1 line of the journal could not be read and was passed over"
    )


def test_without_a_change_log_this_run_alone_speaks_and_the_entry_says_so(tmp_path: Path) -> None:
    said = record(recorded(switched(1, 1700), changelog=None), workspace(tmp_path))
    assert len(said.corrections) == 1
    assert entry_of(said, "corrections").detail.endswith(
        "learned from this run alone: there is no journal to read the others in"
    )


def test_a_journal_that_cannot_be_read_leaves_this_run_to_speak(tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.jsonl").mkdir()
    said = record(recorded(switched(1, 1700)), workspace(tmp_path))
    assert entry_of(said, "journal").outcome == "failed"
    assert len(said.corrections) == 1
    assert "this run alone" in entry_of(said, "corrections").detail


def test_the_surest_ten_are_proposed() -> None:
    steps = "".join(f"    - {{name: s{i}, run: [x], timeout: 100}}\n" for i in range(12))
    text = GUIDE.replace("    - {name: warm up", f"{steps}    - {{name: warm up")
    dead = row("bank", category="dependency", outcome="errored", required=False, detail="gone")
    used = tuple(step_result(f"s{i}", seconds=90) for i in range(12))
    runs = [asked_of(n, dead, "health", guide_text=text, steps=used) for n in range(3)]
    found = lesson(runs).corrections
    assert len(found) == MOST_CORRECTIONS
    assert all(c.field.endswith(".timeout") for c in found), "what is tight comes before silence"
    fewer = [r.model_copy(update={"data": without(r, 9)}) for r in runs]
    assert [c.field for c in lesson(fewer).corrections][-1] == "verify.dependency[bank]"


def without(command: WorkRecord, steps: int) -> Any:
    return command.data.model_copy(update={"steps": command.data.steps[steps:]})


def test_an_id_follows_from_service_field_and_proposal_and_nothing_else() -> None:
    def found(*runs: WorkRecord) -> tuple[str, str]:
        (correction,) = lesson(runs).corrections
        return correction.id, correction.proposed

    first, proposed = found(switched(1, 1500))
    assert found(switched(7, 1600), switched(8, 1600, environment="staging")) == (first, proposed)
    assert found(switched(1, 1500, service="bank"))[0] != first
    assert found(switched(1, 1799.9), switched(2, 1799.9))[0] == first
    other, longer = found(switched(1, 2000))
    assert longer != proposed
    assert other != first


def test_a_correction_can_be_read_by_whoever_gets_it() -> None:
    (correction,) = lesson([switched(n, 1700) for n in range(30)]).corrections
    assert len(correction.runs) == 10
    assert correction.runs[0] == "r-29"
    assert json.loads(correction.model_dump_json())["effect"].startswith("of 30 good runs")


def test_the_page_on_learning_tells_the_numbers_that_are_used() -> None:
    page = (Path(__file__).parents[2] / "docs" / "learning.md").read_text()
    for said in (
        f"the last {MOST_RUNS} runs",
        f"{MOST_BYTES // (1024 * 1024)} MiB from the end",
        f"over {timing.TIGHT * 100:.0f} % of its time",
        f"over half in {timing.REGULAR} of the last {timing.OF_THE_LAST}",
        f"in {timing.WIDE_RUNS} good runs or more in every environment",
        f"{patience.REGULAR} of the last {patience.OF_THE_LAST} good runs | `retries`",
        f"asked {patience.OFTEN} times or more",
        f"no data in {watching.LEAST_RUNS} good runs",
        f"in {watching.LEAST_RUNS} of the last {watching.NOISE_OF_THE_LAST} good runs, to both",
        f"{watching.WIDEST:.0%}".replace("%", " % at most"),
        f"in the last {silence.LEAST_RUNS} runs in a row",
        f"{silence.SICK_RUNS} sick ones among them",
    ):
        assert said in page
