"""A correction changes one value of the text, and no other byte."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goaround_guidebook import NotCorrectable, correct, read
from goaround_guidebook.correction import line_of
from goaround_guidebook.planting import plant
from goaround_guidebook.tree import Path, Scalar, at, plain, scalars
from tests.guidebook.texts import CHECKOUT, SMALL

ODD = """\
# head
deploy:
  steps:
    - name: a   # said a
      timeout: 2m   # why
      env: {A: 'one', "B": "two"}

    # about b
    - {name: b, run: [y]}
    - name: c
      script: |
        foo
        # not a comment

  # behind
  ready: {within: '2m',
          n: 5}
  nothing:
  last:
    - 1
watch: {}
"""


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        (("deploy", "steps", 0, "timeout"), "3m", "timeout: 2m   # why", "timeout: 3m   # why"),
        (("deploy", "ready", "within"), "3m", "within: '2m'", "within: '3m'"),
        (("deploy", "ready", "n"), "7", "n: 5", "n: 7"),
        (("deploy", "steps", 0, "env", "B"), 'x"y', '"B": "two"', '"B": "x\\"y"'),
        (("deploy", "steps", 0, "env", "A"), "it's", "A: 'one'", "A: 'it''s'"),
        (("deploy", "steps", 0, "name"), "5", "name: a   #", 'name: "5"   #'),
        (("deploy", "steps", 0, "name"), "a: # b", "name: a   #", 'name: "a: # b"   #'),
        (("deploy", "steps", 1, "run", 0), "z", "[y]", "[z]"),
        (("deploy", "nothing"), "x", "  nothing:\n", "  nothing: x\n"),
        (("deploy", "last", 0), "2", "- 1", "- 2"),
        (("deploy", "steps", 0, "retries"), "3", '"two"}\n', '"two"}\n      retries: 3\n'),
        (("deploy", "steps", 1, "timeout"), "3m", "[y]}", "[y], timeout: 3m}"),
        (("deploy", "steps", 2, "timeout"), "3m", "a comment\n", "a comment\n      timeout: 3m\n"),
        (("deploy", "ready", "x"), "1", "n: 5}", "n: 5, x: 1}"),
        (("deploy", "x"), "1", "    - 1\n", "    - 1\n  x: 1\n"),
        (("watch", "period"), "5m", "watch: {}", "watch: {period: 5m}"),
        (("policy",), "none", "watch: {}\n", "watch: {}\npolicy: none\n"),
    ],
)
def test_one_value_is_changed_or_added(path: Path, value: str, old: str, new: str) -> None:
    assert ODD.count(old) == 1
    assert correct(ODD, path, value).text == ODD.replace(old, new)
    windows = correct(ODD.replace("\n", "\r\n"), path, value).text
    assert windows == ODD.replace(old, new).replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("text", "path", "why"),
    [
        (ODD, ("deploy", "steps", 2, "script"), "it is a block of text"),
        (ODD, ("deploy", "steps"), "there is no single value"),
        (ODD, ("deploy", "steps", 9, "name"), "there is no single value"),
        (ODD, ("gone", "x"), "there is no single value"),
        (ODD, (), "there is no single value"),
        ("a: &x {v: 1}\nb: *x\n", ("b", "v"), "the change would touch other values"),
        ("a: [", ("a",), "no YAML"),
        ("a: 1\na: 2\n", ("a",), "stands twice"),
    ],
)
def test_what_would_touch_more_is_refused(text: str, path: Path, why: str) -> None:
    with pytest.raises(NotCorrectable, match=why):
        correct(text, path, "3m")


def test_the_diff_names_the_file_and_shows_one_line() -> None:
    path = ("deploy", "ready", "within")
    done = correct(CHECKOUT, path, "3m", "guides/checkout.yaml")
    lines = done.diff.splitlines()
    assert lines[:2] == ["--- a/guides/checkout.yaml", "+++ b/guides/checkout.yaml"]
    assert [line for line in lines[2:] if line[0] in "+-"] == [
        '-  ready: {within: 2m, checks: [{http: {url: "{vars.base}/readyz"}}]}',
        '+  ready: {within: 3m, checks: [{http: {url: "{vars.base}/readyz"}}]}',
    ]
    guide = read(done.text, "g.yaml")
    assert guide.deploy.ready is not None
    assert guide.deploy.ready.within.total_seconds() == 180


def test_a_text_without_a_last_line_end_is_corrected() -> None:
    done = correct("a: 1\nb: 2", ("c",), "3")
    assert done.text == "a: 1\nb: 2\nc: 3"
    assert "\\ No newline at end of file\n" in done.diff


PLACES = [(p, leaf) for p, leaf in scalars(plant(CHECKOUT, "g")[0])]


@settings(max_examples=25)
@given(st.sampled_from(PLACES), st.text(max_size=12))
def test_any_value_lands_in_its_place_and_nowhere_else(
    place: tuple[Path, Scalar], value: str
) -> None:
    path, old = place
    try:
        done = correct(CHECKOUT, path, value).text
    except NotCorrectable:
        return
    node = at(plant(done, "g")[0], *path)
    assert isinstance(node, Scalar)
    assert node.text == value
    assert done[: old.place.start] == CHECKOUT[: old.place.start]
    assert done.endswith(CHECKOUT[old.place.end :])


@settings(max_examples=25)
@given(st.sampled_from(PLACES), st.from_regex(r"[a-z][a-z0-9 ]{0,8}[a-z0-9]", fullmatch=True))
def test_a_simple_value_can_be_put_anywhere(place: tuple[Path, Scalar], value: str) -> None:
    path, _ = place
    before = plain(plant(CHECKOUT, "g")[0])
    assert plain(plant(correct(CHECKOUT, path, value).text, "g")[0]) != before or value == "true"


def test_a_correction_to_the_same_value_has_no_diff() -> None:
    path = ("deploy", "steps", 0, "name")
    done = correct(SMALL, path, "switch")
    assert (done.text, done.diff) == (SMALL, "")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("deploy", "steps", 0, "timeout"), 5),
        (("deploy", "steps", 0, "env", "B"), 6),
        (("deploy", "steps", 1), 9),
        (("deploy", "steps", 1, "timeout"), 9),
        (("deploy", "steps", 9), 3),
        (("deploy", "nothing"), 18),
        (("watch", "signals", 0, "muted"), 21),
        (("gone",), None),
        ((), None),
    ],
)
def test_the_line_of_a_thing_is_told_or_that_of_what_it_would_belong_to(
    path: Path, line: int | None
) -> None:
    assert line_of(ODD, path) == line


def test_a_text_that_cannot_be_read_has_no_lines() -> None:
    assert line_of("a: [", ("a",)) is None
