"""What changed in the configuration."""

import pytest

from goaround_scribe.configfile import ConfigFile, config_file
from goaround_scribe.configuration import MOST_CHANGES, changes
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
        ("password: one\n", "password: two\n", (Difference("password", "•••", "•••"),)),
        ("a: true\n", "a: 'true'\n", ()),
        ("a:\n", "a: x\n", (Difference("a", "", "x"),)),
    ],
)
def test_settings_are_compared_not_lines(
    before: str, after: str, found: tuple[Difference, ...]
) -> None:
    assert differences(before, after) == found


def test_what_is_no_yaml_cannot_be_compared() -> None:
    assert differences("a: [", "a: 1") is None
    assert "cannot be told" in changes("a: [", "a: 1", None, {})[0]


def test_a_text_does_not_differ_from_itself_whatever_it_is() -> None:
    assert differences("a: [", "a: [") == ()


def test_a_change_is_one_line() -> None:
    lines = changes(GUIDE.replace("120s", "60s"), GUIDE, None, {})
    assert lines == (r"deploy.steps\[switch to {version}\].timeout: 60s -> 120s",)


def test_of_many_changes_the_first_are_told() -> None:
    before = "".join(f"a{i}: 1\n" for i in range(30))
    lines = changes(before, before.replace("1\n", "2\n"), None, {})
    assert len(lines) == MOST_CHANGES + 1
    assert lines[-1] == "and 10 more settings of the guide"


def test_a_secret_that_changed_is_told_and_never_shown() -> None:
    lines = changes("vars: {api_key: one}\n", "vars: {api_key: two}\n", None, {})
    assert lines == ("vars.api_key: changed, not shown",)


ONE, TWO = config_file("app.conf", b"1"), config_file("app.conf", b"2")
GONE = config_file("app.conf", None)


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        (None, ONE, ["on record from now on"]),
        (GONE, ONE, ["on record from now on"]),
        (ONE, ONE, []),
        (ONE, TWO, ["changed"]),
        (ONE, GONE, ["is missing now"]),
        (GONE, GONE, ["still missing"]),
        (None, GONE, ["missing"]),
    ],
)
def test_files_of_no_known_kind_are_compared_by_digest(
    was: ConfigFile | None, now: ConfigFile, said: list[str]
) -> None:
    known = None if was is None else {"app.conf": was}
    assert changes(None, "", known, {"app.conf": now}) == tuple(f"app.conf: {s}" for s in said)


def told(name: str, before: str, after: str) -> tuple[str, ...]:
    was, now = config_file(name, before.encode()), config_file(name, after.encode())
    return changes(None, "", {name: was}, {name: now})


@pytest.mark.parametrize(
    ("name", "before", "after", "said"),
    [
        ("a.toml", "[db]\npool = 10\n", "[db]\npool = 20\n", ["db.pool: 10 -> 20"]),
        ("a.json", '{"on": false}', '{"on": true, "n": 1}', ["on: false -> true", "n: added, 1"]),
        ("a.yaml", "a: {b: [x, y]}\n", "a: {b: [x]}\n", [r"a.b: \[x, y\] -> \[x\]"]),
        ("a.yml", "- {name: x, n: 1}\n", "- {name: x, n: 2}\n", [r"\[x\].n: 1 -> 2"]),
        (".env", "A=1\n# c\nexport B='2'\n", "A=1\nB=3\n", ["B: 2 -> 3"]),
        ("prod.env", "A=1\n", "A=\n", ["A: 1 -> empty"]),
        ("a.properties", "a.b: 1\n! c\n", "a.b = 2\n", ["a.b: 1 -> 2"]),
        ("a.ini", "[x]\na = %(b\n", "[x]\na = 2\n", ["x.a: %(b -> 2"]),
        ("a.toml", "v = 1.1\n", "v = 1.10\n", ["v: 1.1 -> 1.10"]),
        ("a.json", '{"v": 1.1}', '{"v": 1.10}', ["v: 1.1 -> 1.10"]),
        ("a.yaml", "v: 1.1\n", "v: 1.10\n", ["v: 1.1 -> 1.10"]),
        ("a.toml", "a = 1\n", "a = 1 # why\n", ["changed, in no value that is shown"]),
        ("a.env", "DB_PASSWORD=one\n", "DB_PASSWORD=two\n", ["changed, in no value that is shown"]),
        ("a.toml", "a = 1\n", "a = [\n", ["changed"]),
        ("a.json", "1", "[" * 100_000, ["changed"]),
    ],
)
def test_files_of_a_known_kind_are_compared_by_their_settings(
    name: str, before: str, after: str, said: list[str]
) -> None:
    assert told(name, before, after) == tuple(f"{name}: {s}" for s in said)


def test_a_file_with_more_settings_than_a_page_remembers_is_compared_by_digest() -> None:
    many = "".join(f"NAME_{i}={i}\n" for i in range(2000))
    assert config_file("a.env", many.encode()).settings is None
    assert told("a.env", many, many + "X=1\n") == ("a.env: changed",)


def test_of_a_secret_in_a_file_nothing_is_kept() -> None:
    text = "password = 'hunter2'\nurl = 'postgres://ada:hunter2@db/x'\nn = 'AKIAIOSFODNN7EXAMPLE'\n"
    kept = config_file("app.toml", text.encode())
    assert kept.settings == {"password": "•••", "url": "•••", "n": "•••"}
