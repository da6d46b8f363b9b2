"""What changed in the configuration."""

import pytest

from goaround_scribe.configuration import MISSING, MOST_CHANGES, changes
from goaround_scribe.difference import Difference, differences
from tests.scribe.builders import GUIDE


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("a: 1\nb: 2\n", "b: 2 # why\na: 1\n", ()),
        ("a: '1'\n", 'a: "1"\n', ()),
        ("a: {b: 5m}\n", "a: {b: 10m}\n", (Difference("a.b", "5m", "10m"),)),
        ("a: 1\n", "a: 1\nb: 2\n", (Difference("b", None, "2"),)),
        ("a: 1\nb: 2\n", "a: 1\n", (Difference("b", "2", None),)),
        ("run: [a, b]\n", "run: [a, c]\n", (Difference("run", "[a, b]", "[a, c]"),)),
        (
            "s: [{name: x, t: 1}, {name: y, t: 1}]\n",
            "s: [{name: new, t: 3}, {name: x, t: 1}, {name: y, t: 2}]\n",
            (
                Difference("s[new].name", None, "new"),
                Difference("s[new].t", None, "3"),
                Difference("s[y].t", "1", "2"),
            ),
        ),
        ("s: [{t: 1}]\n", "s: [{t: 2}]\n", (Difference("s[0].t", "1", "2"),)),
        ("password: hunter2\n", "password: hunter3\n", ()),
    ],
)
def test_settings_are_compared_not_lines(
    before: str, after: str, found: tuple[Difference, ...]
) -> None:
    assert differences(before, after) == found


def test_what_is_no_yaml_cannot_be_compared() -> None:
    assert differences("a: [", "a: 1") is None
    assert "cannot be told" in changes("a: [", "a: 1", None, {})[0]


def test_a_change_is_one_line() -> None:
    lines = changes(GUIDE.replace("120s", "60s"), GUIDE, None, {})
    assert lines == (r"deploy.steps\[switch to {version}\].timeout: 60s -> 120s",)


def test_of_many_changes_the_first_are_told() -> None:
    before = "".join(f"a{i}: 1\n" for i in range(30))
    lines = changes(before, before.replace("1\n", "2\n"), None, {})
    assert len(lines) == MOST_CHANGES + 1
    assert lines[-1] == "and 10 more settings of the guide"


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        (None, "sha256:1", "on record from now on"),
        ("sha256:1", "sha256:1", "unchanged"),
        ("sha256:1", "sha256:2", "changed"),
        ("sha256:1", MISSING, "is missing now"),
        (MISSING, MISSING, "still missing"),
        (None, MISSING, "missing"),
    ],
)
def test_files_are_compared_by_digest(was: str | None, now: str, said: str) -> None:
    known = None if was is None else {"app.toml": was}
    assert changes(None, "", known, {"app.toml": now}) == (f"app.toml: {said}",)
