"""A diff carried out: exactly what it says where it fits, and nothing where it does not."""

from difflib import unified_diff

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goaround.correcting import DoesNotFit, patched
from goaround_guidebook import correct
from tests.cli.command import guide

LINES = st.lists(st.sampled_from(["a", "b", "  c: 1", "", "d\r", "é\x0b", "f\u2028g", "# h"]))
TEXTS = st.builds("\n".join, LINES) | st.text(alphabet="ab\n\r\x0b\u2028", max_size=40)


def diff_of(before: str, after: str) -> str:
    """A unified diff as the guidebook writes it."""
    lines = unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), "a/x", "b/x"
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


@given(TEXTS, TEXTS)
def test_of_the_very_text_any_diff_is_carried_out_to_the_last_byte(before: str, after: str) -> None:
    if before != after:
        assert patched(before, diff_of(before, after), same=True).text == after


@given(TEXTS, TEXTS, TEXTS)
def test_of_another_text_it_is_carried_out_once_or_refused(
    before: str, after: str, now: str
) -> None:
    diff = diff_of(before, after)
    try:
        done = patched(now, diff)
    except DoesNotFit:
        return
    if not done.already:
        assert len(done.text) - len(now) == len(after) - len(before)


@given(st.integers(1, 10_000), st.lists(st.sampled_from(["", "# more", "# é"]), max_size=5))
def test_what_the_guidebook_corrects_fits_below_more_lines_and_again_is_done(
    seconds: int, more: list[str]
) -> None:
    text = guide("checkout")
    right = correct(text, ("rollback", "steps", 0, "timeout"), f"{seconds}s")
    above = "".join(f"{line}\n" for line in more)
    done = patched(above + text, right.diff)
    assert (done.text, done.already) == (above + right.text, False)
    again = patched(done.text, right.diff)
    assert (again.text, again.already) == (done.text, True)


def test_what_was_added_at_the_end_is_not_added_twice() -> None:
    before, after = "a\nb\nc\nd\n", "a\nb\nc\nd\ne\n"
    done = patched(after, diff_of(before, after))
    assert (done.text, done.already) == (after, True)


def test_where_one_of_two_alike_was_corrected_by_hand_the_other_is_left_alone() -> None:
    block = "run\ndir\nidempotent\ntimeout: 10s\nretries\nenv\nonly\n"
    corrected = block.replace("10s", "30s")
    diff = diff_of(f"one\n{block}two\n", f"one\n{corrected}two\n")
    with pytest.raises(DoesNotFit, match=r"more than one place .* \(lines 2, 10\)"):
        patched(f"one\n{corrected}two\n{block}three\n", diff)


def test_of_several_parts_all_are_carried_out_or_none() -> None:
    before = "".join(f"line {n}\n" for n in range(30))
    after = before.replace("line 3\n", "LINE 3\n").replace("line 25\n", "LINE 25\n")
    diff = diff_of(before, after)
    assert patched(f"more\n{before}", diff).text == f"more\n{after}"
    with pytest.raises(DoesNotFit, match="near line 23 there was 'line 25'"):
        patched(before.replace("line 25", "line XXV"), diff)


@pytest.mark.parametrize(
    ("diff", "why"),
    [
        ("", "changes nothing"),
        ("--- a/x\n+++ b/x\n", "changes nothing"),
        ("@@ -1 +1 @@\n a\n", "changes nothing"),
        ("@@ -1 +1 @@\n-a\n*b\n", "line 3 of the correction's diff is no line of a diff"),
        ("@@ -1 +1 @@\n-z\n+b\n", "near line 1 there was 'z'"),
    ],
)
def test_what_is_no_diff_of_it_is_refused(diff: str, why: str) -> None:
    with pytest.raises(DoesNotFit, match=why):
        patched("a\n", diff)
