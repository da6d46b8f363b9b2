"""The document of a run: read back as it was written, and never too large to be written."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from goaround_deployer.journal import (
    MOST_BYTES,
    MOST_TASKS,
    Journal,
    ProcedureRecord,
    SchemaRecord,
    TaskRecord,
    Unreadable,
    decode,
    encode,
    tail,
)
from goaround_deployer.output import Tail, last_lines, last_word
from goaround_deployer.seen import MOST_CHARACTERS, Seen, packed, unpacked
from goaround_migrating import Fingerprint
from goaround_migrating.tools import Script

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def journal(tasks: int, output: str, detail: str = "exit code 0") -> Journal:
    done = TaskRecord(
        state="ended", started_at=NOW, outcome="done", detail=detail, output=output, seconds=1.5
    )
    record = ProcedureRecord(
        command_id="deploy-1",
        kind="deploy",
        stage="all",
        fingerprint="f",
        tasks={str(i): done for i in range(tasks)},
    )
    return Journal(run_id="run-1", epoch=3, beat=7, holder="me", procedures=(record,))


def test_a_journal_is_read_as_it_was_written() -> None:
    written = journal(3, "releasing\n")
    assert decode("run-1", encode(written)) == written


@pytest.mark.parametrize("output", ["x" * 9000, "\x01" * 9000, "é" * 9000])
@pytest.mark.parametrize("tasks", [1, 90, MOST_TASKS])
def test_a_journal_always_fits_and_never_drops_a_step(tasks: int, output: str) -> None:
    raw = encode(journal(tasks, output, detail="\x01" * 600))

    assert len(raw) <= MOST_BYTES
    assert len(decode("run-1", raw).procedures[0].tasks) == tasks


def test_a_journal_of_an_earlier_release_is_read() -> None:
    raw = (
        b'{"format":1,"run_id":"run-1","procedures":[{"command_id":"deploy-1","kind":"deploy",'
        b'"stage":"all","fingerprint":"f","tasks":{"migration":{"state":"started","started_at":'
        b'"2026-11-23T00:00:00Z"}},"schema":{"before":"A","after":null,"applied":true}}]}'
    )
    found = decode("run-1", raw).procedures[0]

    assert found.schema_ == SchemaRecord(before="A", applied=True)
    assert found.tasks["migration"].goes_on is False
    assert found.reverted is None


def test_what_was_seen_of_a_schema_gives_way_before_a_step_does_and_its_digest_never() -> None:
    seen = SchemaRecord(before="A", fingerprint_before="d1", seen="x" * MOST_CHARACTERS)
    full = journal(MOST_TASKS, "x" * 9000, detail="x" * 600)
    full = full.with_procedure(full.procedures[0].model_copy(update={"schema_": seen}))
    kept = decode("run-1", encode(full)).procedures[0]
    assert kept.schema_ == seen.model_copy(update={"seen": None})
    assert len(kept.tasks) == MOST_TASKS

    few = journal(3, "releasing\n")
    few = few.with_procedure(few.procedures[0].model_copy(update={"schema_": seen}))
    assert decode("run-1", encode(few)) == few


def fingerprint(tables: int) -> Fingerprint:
    """A schema that does not pack well: no two names are alike."""
    return Fingerprint.of(
        {
            "column": {
                f"public.{hashlib.sha256(f'{t}.{c}'.encode()).hexdigest()[:16]}": {"type": "text"}
                for t in range(tables)
                for c in range(10)
            }
        }
    )


NOTE = Script(version="1", up="CREATE TABLE a ();", down="DROP TABLE a;")


def test_what_was_seen_of_a_schema_is_unpacked_as_it_was_packed() -> None:
    seen = Seen(fingerprint=fingerprint(20), scripts=(NOTE,))
    assert unpacked(packed(seen)) == seen
    assert unpacked(None) == Seen()


def test_what_was_seen_is_packed_without_the_scripts_or_not_at_all_where_room_is_short() -> None:
    long = "".join(hashlib.sha256(str(n).encode()).hexdigest() for n in range(5000))
    both = Seen(fingerprint=fingerprint(20), scripts=(NOTE.model_copy(update={"up": long}),))
    assert unpacked(packed(both)) == Seen(fingerprint=both.fingerprint)
    assert packed(Seen(fingerprint=fingerprint(5000))) is None


@pytest.mark.parametrize("text", ["", "?", "aGVsbG8=", "eJyrVkrLz1eyUkpKLFKqBQAdegQ0", "eA=="])
def test_what_a_later_release_has_packed_otherwise_is_not_guessed(text: str) -> None:
    assert unpacked(text) == Seen()


@pytest.mark.parametrize("raw", [b"", b"{}", b"not json", b'{"format":2,"run_id":"run-1"}'])
def test_a_journal_that_is_none_says_what_to_do(raw: bytes) -> None:
    with pytest.raises(Unreadable, match=r"run-1.*later release"):
        decode("run-1", raw)


def test_a_tail_keeps_the_end_and_counts_the_rest() -> None:
    kept = Tail(10)
    for piece in ("abcdef", "ghij", "klm", "", "x" * 4):
        kept.add(piece)

    assert kept.text() == "[7 characters before this are not kept]\nhijklmxxxx"


def test_one_piece_larger_than_a_tail_is_cut() -> None:
    kept = Tail(4)
    kept.add("abcdefgh")
    assert (kept.dropped, kept.text()[-4:]) == (4, "efgh")


def test_a_cut_never_leaves_half_a_character() -> None:
    assert tail("ééé", 3) == "é"
    assert tail("abc", 0) == ""


@pytest.mark.parametrize(
    ("printed", "word"),
    [
        ("ae1027a6acf (head)\n", "ae1027a6acf"),
        ("INFO  context\n\n  3  \n\n", "3"),
        ("a1\nb2 (head)", "b2"),
        ("\n \n", ""),
    ],
)
def test_the_revision_is_the_first_word_of_the_last_line(printed: str, word: str) -> None:
    assert last_word(printed) == word


def test_the_last_lines_are_what_a_reason_quotes() -> None:
    assert last_lines("a\n\nb\nc\n  d  \n") == "b | c | d"
