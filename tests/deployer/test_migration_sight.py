"""Where a schema is, by its revision and its fingerprint: by tables."""

from __future__ import annotations

import pytest

from goaround_deployer.procedure import Target
from goaround_deployer.sight import (
    Place,
    Sight,
    after_crash,
    after_crashed_revert,
    form,
    standing,
)
from goaround_migrating import Fingerprint


def catalogue(*columns: str) -> Fingerprint:
    return Fingerprint.of({"column": {c: {"type": "text"} for c in columns}})


OLD, NEW, HALF = catalogue("id"), catalogue("id", "note", "at"), catalogue("id", "note")
NAMES = {None: None, "old": OLD, "new": NEW, "half": HALF}


def digest(name: str | None) -> str | None:
    found = NAMES[name]
    return found.digest if found else None


def sight(revision: str | None, name: str | None) -> Sight:
    return Sight(revision, NAMES[name], unsaid="exit code 1", unseen="no answer")


@pytest.mark.parametrize(
    ("revision", "seen", "before", "known", "expected"),
    [
        # By the revision alone, where no fingerprint is on record or can be taken.
        ("A", None, None, None, "again"),
        ("B", None, None, None, "unknown"),
        ("B", None, None, ("B", None), "done"),
        (None, None, None, ("B", None), "unknown"),
        ("A", None, "old", None, "again"),
        ("A", "old", None, None, "again"),
        # The catalogue is as it was: nothing of it was done, whatever `current` says or cannot.
        ("A", "old", "old", None, "again"),
        ("B", "old", "old", None, "again"),
        (None, "old", "old", None, "again"),
        # It is not, so something was, whatever `current` says.
        ("A", "half", "old", None, "unknown"),
        ("B", "half", "old", None, "unknown"),
        (None, "half", "old", None, "unknown"),
        # It is where a completed apply has led.
        ("B", "new", "old", ("B", "new"), "done"),
        (None, "new", "old", ("B", "new"), "done"),
        ("B", "half", "old", ("B", "new"), "unknown"),
        # A migration of data alone: the form tells nothing, the revision does.
        ("B", "old", "old", ("B", "old"), "done"),
        (None, "old", "old", ("B", "old"), "again"),
    ],
)
def test_what_became_of_an_apply_whose_worker_died(
    revision: str | None,
    seen: str | None,
    before: str | None,
    known: tuple[str, str | None] | None,
    expected: str,
) -> None:
    places = frozenset({Place(known[0], digest(known[1]))} if known else ())
    assert after_crash(Place("A", digest(before)), sight(revision, seen), places) == expected


@pytest.mark.parametrize(
    ("revision", "seen", "expected"),
    [("A", "old", "again"), ("B", "half", "again"), ("A", "half", "again"), (None, "old", "again"),
     (None, "half", "unknown")],
)  # fmt: skip
def test_a_tool_that_leaves_whole_files_goes_on_from_wherever_it_is(
    revision: str | None, seen: str, expected: str
) -> None:
    before = Place("A", OLD.digest)
    now = sight(revision, seen)
    assert after_crash(before, now, frozenset(), whole_files=True) == expected


def target(before: str | None = "old", after: str | None = "new") -> Target:
    return Target("A", "C", moved=True, fingerprint=digest(before), fingerprint_after=digest(after))


@pytest.mark.parametrize(
    ("revision", "seen", "before", "expected"),
    [
        ("A", None, None, "there"),
        ("A", "old", "old", "there"),
        ("A", None, "old", "there"),
        ("A", "half", "old", "astray"),
        ("A", "half", None, "there"),
        (None, "old", "old", "there"),
        (None, "half", "old", "untold"),
        (None, None, "old", "untold"),
        ("C", "new", "old", "elsewhere"),
        # The revert of a migration of data alone is still to be done.
        ("C", "old", "old", "elsewhere"),
    ],
)
def test_whether_the_schema_is_where_it_was(
    revision: str | None, seen: str | None, before: str | None, expected: str
) -> None:
    assert standing(sight(revision, seen), target(before)) == expected


@pytest.mark.parametrize(
    ("revision", "seen", "start", "whole", "expected"),
    [
        ("C", None, None, False, "again"),
        ("B", None, None, False, "unknown"),
        ("B", None, None, True, "again"),
        ("C", "new", "new", False, "again"),
        (None, "new", "new", False, "again"),
        ("C", "half", "new", False, "unknown"),
        ("B", "half", "new", False, "unknown"),
        ("B", "half", "new", True, "again"),
        # All of it is taken back but the revision.
        ("C", "old", "new", False, "again"),
    ],
)
def test_whether_a_revert_whose_worker_died_may_be_run_again(
    revision: str | None, seen: str | None, start: str | None, whole: bool, expected: str
) -> None:
    began_at = Place("C", digest(start))
    now = sight(revision, seen)
    assert after_crashed_revert(began_at, now, target(), whole_files=whole) == expected


@pytest.mark.parametrize(
    ("seen", "where", "says"),
    [
        ("old", target(), "it is as before the deployment"),
        ("new", target(), "it is as the deployment left it"),
        ("half", target(), "it is in between"),
        ("half", target(after=None), "it is not as before the deployment"),
        ("half", target(before=None), "no fingerprint of before is on record"),
        (None, target(), "no answer"),
    ],
)
def test_what_the_fingerprint_says_is_said_in_words(
    seen: str | None, where: Target, says: str
) -> None:
    assert says in form(sight("B", seen), where)
