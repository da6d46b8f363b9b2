"""Where a page's prose is, however long the page has grown."""

from typing import SupportsIndex

from goaround_scribe.outline import lines_of, outline, prose


class Watched(str):
    """A text that knows how far into it anybody looked."""

    furthest = 0

    def find(
        self,
        sub: str,
        start: SupportsIndex | None = None,
        end: SupportsIndex | None = None,
        /,
    ) -> int:
        place = super().find(sub, start, end)
        self.furthest = max(self.furthest, place)
        return place


def test_a_page_is_read_no_further_than_is_asked_for() -> None:
    page = Watched("# Change log\n\nWhat we did.\n" + "- one more line\n" * 10_000)
    assert [line.said for line in (next(prose(page)), next(lines_of(page)))] == ["# Change log"] * 2
    assert page.furthest < 20
    assert len(outline(page).prose) == 10_004
    assert page.furthest == len(page) - 1


def test_lines_tile_the_text() -> None:
    for text in ("", "\n", "a", "a\n", "a\r\n\nb", "\n\n"):
        lines = list(lines_of(text))
        assert "".join(text[line.start : line.end] for line in lines) == text
        assert [line.number for line in lines] == list(range(1, len(lines) + 1))
        assert [line.said for line in lines] == text.split("\n")
