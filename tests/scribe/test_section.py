"""The deployment section of a page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goaround_scribe.memory import State
from goaround_scribe.outline import outline
from goaround_scribe.section import END, START, SectionBroken, find, written
from tests.builders import at
from tests.scribe.remembered import after

ONE = after(State())
# Without markers, or with our whole section: any other page is broken, and said to be.
PIECES = st.lists(
    st.sampled_from(
        ["", "# Checkout", "words", "```", "~~~", "<!--", "-->", "---", "odd\r", "\u2028"]
    )
)


@given(PIECES, PIECES, st.sampled_from(["\n", "\r\n"]))
def test_all_outside_the_markers_stays_byte_for_byte(
    before: list[str], behind: list[str], newline: str
) -> None:
    page = newline.join(before)
    if outline(page).open_at is not None:
        with pytest.raises(SectionBroken, match="never ends"):
            written(page, find(page), ONE)
        return
    first = written(page, find(page), ONE)
    assert first.startswith(page)
    tail = newline.join(behind)
    grown = first + tail
    section = find(grown)
    assert section is not None
    assert section.state == ONE
    second = written(grown, section, after(ONE, "2.5.0", run="r-2", moment=at(9)))
    found = find(second)
    assert found is not None
    assert second[: found.begin] == grown[: section.begin]
    assert second[found.end :] == grown[section.end :]
    assert second.endswith(tail)


def test_a_page_without_a_section_gets_one_at_its_end() -> None:
    page = written("# Checkout\n\nBy hand.", None, ONE)
    assert page.startswith(f"# Checkout\n\nBy hand.\n\n{START}\n## Deployment\n")
    row = "| prod | 2.4.1 | 2026-03-04 12:00:00 UTC | ada | faster checkout | r-1 |"
    assert row in page
    assert "### What came with 2.4.1 in prod\n\n- Configuration:\n  - watch.period: 5m" in page
    assert page.endswith(f"-->\n{END}\n")


def test_each_environment_has_its_row() -> None:
    state = after(ONE, "2.5.0", run="r-2", environment="staging", moment=at(5), changes=())
    page = written("", None, state)
    assert "| prod | 2.4.1 |" in page
    assert "| staging | 2.5.0 |" in page
    assert "### What came with 2.5.0 in staging\n\n- Configuration:\n  - nothing changed\n" in page


def test_a_value_cannot_end_the_memory() -> None:
    hostile = after(State(), "1", changes=("--> <!-- x",), why="--> | x")
    page = written("", None, hostile)
    found = find(page)
    assert found is not None
    assert found.state == hostile


@pytest.mark.parametrize(
    ("page", "line", "said"),
    [
        (f"a\n{START}\n", 2, "has no end"),
        (f"a\nb\n{END}\n", 3, "has no start"),
        (f"{END}\n{START}\n", 1, "before the start"),
        (f"{START}\n{END}\n{START}\n", 3, "start marker stands twice; the first is on line 1"),
        (f"{START}\n{END}\nx\n{END}\n", 4, "end marker stands twice"),
        (f"{START}\nby hand\n{END}\n", 2, "does not say what it remembers"),
        (f"{START}\n<!-- goaround:deployment:state {{no -->\n{END}\n", 2, "cannot be read"),
    ],
)
def test_a_broken_section_is_told_with_its_line(page: str, line: int, said: str) -> None:
    with pytest.raises(SectionBroken, match=said) as caught:
        find(page)
    assert caught.value.line == line


def test_markers_in_an_example_are_no_section() -> None:
    page = f"How to:\n\n```\n{START}\n{END}\n```\n"
    assert find(page) is None
    assert find(written(page, None, ONE)) is not None


def test_an_empty_section_that_people_placed_is_filled() -> None:
    page = f"# C\n\n{START}\n{END}\n\n## Below\n"
    text = written(page, find(page), ONE)
    assert text.startswith(f"# C\n\n{START}\n## Deployment")
    assert text.endswith(f"{END}\n\n## Below\n")
