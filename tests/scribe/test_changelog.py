"""Where an entry goes, and that people's own text stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goaround_scribe.changelog import HEADING, holds, inserted, marker

ENTRY = f"{marker('r-1')}\n## checkout 2.4.1"
LINES = st.lists(
    st.sampled_from(
        [
            "",
            "# Change log",
            "## 1.0 by hand",
            "words",
            "```",
            "~~~~",
            "---",
            "<!--",
            "-->",
            "<!-- goaround:run r-0 -->",
            "  <!-- goaround:run r-2 -->",
            "\u2028 odd \x0b",
            "ends with\r",
        ]
    )
)
PAGES = st.one_of(
    st.text(),
    LINES.map("\n".join),
    LINES.map("\r\n".join),
    LINES.map(lambda x: "\ufeff" + "\n".join(x)),
)


@given(PAGES)
def test_what_people_wrote_stays_byte_for_byte_around_an_entry(page: str) -> None:
    text = inserted(page, ENTRY)
    assert any(text.startswith(page[:i]) and text.endswith(page[i:]) for i in range(len(page) + 1))
    assert holds(text, "r-1")
    for known in ("r-0", "r-2"):
        assert holds(text, known) == holds(page, known)


@given(PAGES, st.lists(st.sampled_from(["r-3", "r-4", "r-5"]), unique=True))
def test_every_run_is_found_again_however_many_follow(page: str, runs: list[str]) -> None:
    for run in runs:
        page = inserted(page, f"{marker(run)}\n## {run}")
    assert all(page.count(marker(run)) == 1 for run in runs)


def test_a_new_change_log_gets_a_heading() -> None:
    assert inserted("", ENTRY) == f"{HEADING}\n\n{ENTRY}\n"


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("# Changes\n\nWhat we did.\n", f"# Changes\n\nWhat we did.\n\n{ENTRY}\n"),
        ("# Changes\n\n## 1.0\n\nhand\n", f"# Changes\n\n{ENTRY}\n\n## 1.0\n\nhand\n"),
        ("# Changes", f"# Changes\n\n{ENTRY}\n"),
        ("```\n## no\n```\n## 1.0\n", f"```\n## no\n```\n\n{ENTRY}\n\n## 1.0\n"),
        ("---\n## title\n---\n## 1.0\n", f"---\n## title\n---\n\n{ENTRY}\n\n## 1.0\n"),
        ("# C\n\n<!--\n## old\n-->\n", f"# C\n\n<!--\n## old\n-->\n\n{ENTRY}\n"),
        ("# C\n\n```\nnever closed\n", f"# C\n\n{ENTRY}\n\n```\nnever closed\n"),
        ("# C\r\n\r\n## 1\r\n", "# C\r\n\r\n" + ENTRY.replace("\n", "\r\n") + "\r\n\r\n## 1\r\n"),
        ("\ufeff", f"\ufeff{HEADING}\n\n{ENTRY}\n"),
    ],
)
def test_an_entry_stands_after_the_introduction(page: str, text: str) -> None:
    assert inserted(page, ENTRY) == text


def test_the_newest_entry_comes_first() -> None:
    page = inserted("# C\n", f"{marker('old')}\n## old")
    page = inserted(page, f"{marker('new')}\n## new")
    assert page.index("## new") < page.index("## old")


def test_a_run_that_is_only_mentioned_is_not_on_record() -> None:
    assert not holds(f"see {marker('r-1')}", "r-1")
    assert not holds(marker("r-11"), "r-1")
    assert holds(f"x\r\n{marker('r-1')}\r\ny", "r-1")
