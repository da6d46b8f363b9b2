"""What a commit says, and what the answer says of it."""

from hypothesis import given
from hypothesis import strategies as st

from goaround_schemas.recording import DeployRecordedData, Entry
from goaround_scribe.commit import files_of, message_for, told
from tests.scribe.builders import record_of


def recorded(*entries: Entry) -> DeployRecordedData:
    return DeployRecordedData(run_id="r-1", service="checkout", environment="prod", entries=entries)


def test_a_message_is_the_title_the_reason_who_asked_and_the_run() -> None:
    message = message_for(record_of(run_id="r-1", reason="it went well, " * 8))
    title, _, *body, _, last = message.text.splitlines()
    assert title == "checkout 2.4.1 in prod: succeeded (2026-03-04)"
    assert last == "Run: r-1"
    assert "Asked for by ada: faster checkout" in body
    assert all(len(line) <= 72 for line in body)


def test_a_run_without_a_reason_says_that_none_was_given() -> None:
    assert (
        "Asked for by ada: no reason was given" in message_for(record_of(request_reason=None)).body
    )


@given(st.one_of(st.text(), st.sampled_from(["x\n\nRun: r-9", "Run: r-9\n", "a\u2028Run: r-9"])))
def test_no_words_of_others_become_a_paragraph_of_their_own(text: str) -> None:
    message = message_for(record_of(run_id="r-1", reason=text, request_reason=text))
    assert message.text.endswith("\n\nRun: r-1\n")
    assert len(message.text.strip().split("\n\n")) <= 4
    assert len(message.title.splitlines()) == 1


def test_only_what_holds_the_run_is_committed_and_told_of() -> None:
    answer = recorded(
        Entry(what="changelog", outcome="written", where="C.md", detail="one"),
        Entry(what="journal", outcome="failed", where="C.jsonl", detail="no space"),
        Entry(what="docs", outcome="unchanged", where="C.md"),
        Entry(what="corrections", outcome="written", where="checkout.yaml", detail="two"),
    )
    assert files_of(answer) == ("C.md",)
    said = told(answer, {"C.md": "committed as 1a2b3c4", "checkout.yaml": "no", "C.jsonl": "no"})
    assert [e.detail for e in said.entries] == [
        "one; committed as 1a2b3c4",
        "no space",
        "committed as 1a2b3c4",
        "two",
    ]
    assert told(answer, {"C.md": ""}) == answer
