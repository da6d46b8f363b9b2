"""The document of a run: read back as it was written, and never too large to be written."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from goaround_deployer.journal import (
    MOST_BYTES,
    MOST_TASKS,
    Journal,
    ProcedureRecord,
    TaskRecord,
    Unreadable,
    decode,
    encode,
    tail,
)
from goaround_deployer.output import Tail, last_lines, last_word

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
