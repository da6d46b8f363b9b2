"""Words of others stay words."""

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goaround_scribe.markdown import change, code, inline, length, link, number, sentence, table

HOSTILE = st.text(
    alphabet=st.one_of(
        st.sampled_from("\\`*_[]<>#|~&!$-+=.()\n\r\t \u2028\u202e1a"), st.characters()
    )
)


@given(HOSTILE)
def test_no_text_leaves_its_line_or_opens_an_element(text: str) -> None:
    said = inline(text)
    assert said.split() == said.split(" ") or said == ""
    assert len(said.splitlines()) <= 1
    assert "<" not in said
    assert ">" not in said
    plain = re.sub(r"\\[\\`*\[\]|~$#_.)+=-]", "", said)
    assert not set(plain) & set("\\`*[]|~$#")
    assert not re.match(r"[-+=]|\d+[.)](\s|$)", said)


@given(HOSTILE)
def test_nothing_is_lost_but_space_and_what_cannot_be_seen(text: str) -> None:
    said = inline(text, most=10_000)
    back = re.sub(r"\\(.)", r"\1", said)
    for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        back = back.replace(entity, char)
    kept = [c for c in text if c.isprintable() and not c.isspace()]
    assert [c for c in back if c in kept] == kept


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plain words, 4.1 % of 2300", "plain words, 4.1 % of 2300"),
        ("team_payments and _this_", r"team_payments and \_this\_"),
        ("<!-- goaround:run r-1 -->", "&lt;!-- goaround:run r-1 --&gt;"),
        ("one\n\n## two", r"one \#\# two"),
        ("- a list", r"\- a list"),
        ("1. a list", r"1\. a list"),
        ("a|b", r"a\|b"),
        ("[x](http://y)", r"\[x\](http://y)"),
        ("", ""),
        ("\x00\x1b[31m", r"\[31m"),
    ],
)
def test_what_would_be_markdown_is_escaped(text: str, said: str) -> None:
    assert inline(text) == said


def test_a_huge_text_is_cut() -> None:
    assert len(inline("x" * 10_000_000)) == 600
    assert inline("x" * 601).endswith("…")
    assert inline(" " * 10_000_000) == "…"


@pytest.mark.parametrize(
    ("given_", "said"), [("done", "done."), ("done.", "done."), ("really?", "really?"), ("5", "5")]
)
def test_a_sentence_has_one_end(given_: str, said: str) -> None:
    assert sentence(given_) == said


def test_numbers_are_written_with_the_digits_that_count() -> None:
    assert (number(0.214159, "s"), number(2300, ""), number(None)) == ("0.2142 s", "2300", "–")
    assert (change(0.019), change(-1.0), change(None)) == ("+1.9 %", "-100 %", "–")
    assert [length(s) for s in (0.012, 59, 125, 4200)] == [
        "0.012 s",
        "59 s",
        "2 m 05 s",
        "1 h 10 m",
    ]
    assert length(timedelta(minutes=15)) == "15 m 00 s"


def test_a_table_has_as_many_cells_in_every_row() -> None:
    lines = table(("A", "B"), [(inline("x|y"), inline("`|`"))])
    assert [len(re.split(r"(?<!\\)\|", line)) for line in lines] == [4, 4, 4]


@given(HOSTILE)
def test_a_code_span_ends_where_it_should(text: str) -> None:
    said = code(text)
    assert len(said.splitlines()) <= 1
    if said:
        fence = re.match(r"`+", said)
        assert fence
        inner = said[len(fence[0]) : -len(fence[0])]
        assert said.endswith(fence[0])
        assert fence[0] not in re.findall(r"`+", inner)


@given(HOSTILE, HOSTILE)
def test_a_link_ends_where_it_should(text: str, path: str) -> None:
    said = link(text, f"https://x/{path}")
    assert len(said.splitlines()) <= 1
    if found := re.search(r"\]\((https://x/.*)\)\Z", said):
        assert not set(found[1]) & set("()<> `")
