"""What may be done to a schema, by its SQL and by what is allowed: by tables."""

from __future__ import annotations

from typing import Any

import pytest

from goaround_deployer.judging import refusal, untold_refusal, way_back
from goaround_deployer.procedure import Target
from goaround_deployer.seen import Seen
from goaround_deployer.tooling import WHOLE
from goaround_migrating import Fingerprint
from goaround_migrating.tools import Script
from goaround_schemas.guide.step import Loss
from tests.deployer.builders import JUDGED, MIGRATIONS

NOTE = Script(
    version="0002",
    name="note",
    up="ALTER TABLE orders ADD COLUMN note text;",
    down="ALTER TABLE orders DROP COLUMN note;",
)
INDEX = Script(version="0003", up="CREATE INDEX i ON orders (id);", down="DROP INDEX i;")
NO_DOWN = Script(version="0004", up="CREATE TABLE notes (id int);")
DROP = Script(
    version="0005",
    up="\nALTER TABLE orders DROP COLUMN note;",
    down="ALTER TABLE orders ADD COLUMN note text;",
)
DROP_FOR_GOOD = DROP.model_copy(update={"down": None})
WHOLLY = DROP.model_copy(update={"version": WHOLE})
UNKNOWN = Script(version="0006", up="DO $$ BEGIN NULL; END $$;", down="DROP INDEX i;")
ENUM = Script(version="0007", up="ALTER TYPE mood ADD VALUE 'sad';", down="")
UNTOLD = INDEX.model_copy(update={"down": None, "down_untold": "it asks the database"})
RETYPE = Script(version="0008", up="ALTER TABLE orders ALTER note TYPE varchar(20);", down="")
DEPLOY = "goaround deploy shop 2.0.0 --env prod"


def allow(*words: Loss) -> frozenset[Loss]:
    return frozenset(words)


@pytest.mark.parametrize(
    ("scripts", "allowed", "says"),
    [
        ((), allow(), None),
        ((NOTE, INDEX), allow(), None),
        ((NOTE, DROP), allow("lossy"), None),
        ((NOTE, DROP), allow("irreversible"), None),
        ((ENUM, UNKNOWN, DROP), allow("irreversible"), None),
        ((NOTE, DROP), allow(), "migration 0005 is lossy: line 2 drops column orders.note"),
        ((ENUM,), allow(), "migration 0007 is irreversible: line 1"),
        ((ENUM,), allow("lossy"), "--allow irreversible --reason"),
        ((UNKNOWN,), allow("lossy"), "migration 0006 is unknown: line 1"),
        ((WHOLLY,), allow(), "what `sql` prints is lossy: line"),
        ((DROP, ENUM), allow(), "; and what else is refused: migration 0007. Nothing"),
        ((DROP, ENUM), allow(), f"`allow: [irreversible]` in deploy.migrations of the guide, or "
                                f"{DEPLOY} --allow irreversible --reason ..."),
        ((DROP,), allow(), "`ALTER TABLE orders DROP COLUMN note`). Nothing was applied."),
    ],
)  # fmt: skip
def test_what_would_lose_something_is_not_applied_without_a_word(
    scripts: tuple[Script, ...], allowed: frozenset[Loss], says: str | None
) -> None:
    said = refusal(scripts, allowed, {}, DEPLOY)
    if says is None:
        assert said is None
    else:
        assert said is not None
        assert says in said


def test_a_change_of_type_is_judged_by_the_type_that_the_database_has() -> None:
    assert refusal((RETYPE,), allow(), {}, DEPLOY) is not None
    assert refusal((RETYPE,), allow(), {"orders.note": "character varying(10)"}, DEPLOY) is None


def test_what_cannot_be_told_counts_as_irreversible() -> None:
    said = untold_refusal("no such file", allow("lossy"), DEPLOY)
    assert said is not None
    assert "what is pending cannot be told (no such file)" in said
    assert untold_refusal("no such file", allow("irreversible"), DEPLOY) is None


NO_REVERT: dict[str, Any] = {"revert": None}
KEEPS: dict[str, Any] = {"on_rollback": "keep"}


@pytest.mark.parametrize(
    ("given", "scripts", "allowed", "do", "why"),
    [
        # Nothing is lost on the way back.
        ({}, (INDEX,), allow(), "go", ""),
        # What was lost on the way forward is not lost again: the previous version needs the form.
        ({}, (DROP,), allow(), "go", ""),
        # A value written meanwhile.
        ({}, (NOTE, INDEX), allow(), "refuse", "migration 0002 (note), line 1: drops column"),
        ({}, (NOTE, INDEX), allow("lossy"), "copy", "drops column orders.note"),
        ({}, (NOTE, INDEX), allow("irreversible"), "copy", "drops column orders.note"),
        # What nobody can tell.
        ({}, (UNKNOWN,), allow("lossy"), "refuse", "migration 0006, the up, line 1"),
        ({}, (UNKNOWN,), allow("irreversible"), "copy", "migration 0006, the up, line 1"),
        ({}, (UNTOLD,), allow(), "refuse", "migration 0003: it asks the database"),
        ({}, None, allow("lossy"), "refuse", "what a revert would drop cannot be told: no folder"),
        ({}, None, allow("irreversible"), "copy", "cannot be told: no folder"),
        # No way back.
        (NO_REVERT, (NOTE,), allow(), "keep", "the guide has no way back, and what was applied"),
        (NO_REVERT, (DROP,), allow(), "none", "the guide has no way back"),
        (NO_REVERT, None, allow(), "none", "the guide has no way back"),
        ({}, (NO_DOWN,), allow(), "keep", "migration 0004 has no way back"),
        ({}, (DROP_FOR_GOOD,), allow("irreversible"), "none", "migration 0005 has no down"),
        # The guide keeps it, where the previous version can live with it.
        (KEEPS, (NOTE,), allow(), "keep", "the guide keeps it, and what was applied leaves"),
        (KEEPS, (UNKNOWN,), allow(), "keep", "shows in its health"),
        (KEEPS, None, allow(), "keep", "shows in its health"),
        (KEEPS, (DROP,), allow(), "go", ""),
    ],
)
def test_what_becomes_of_the_schema_on_the_way_back(
    given: dict[str, Any],
    scripts: tuple[Script, ...] | None,
    allowed: frozenset[Loss],
    do: str,
    why: str,
) -> None:
    way = way_back(
        JUDGED.model_copy(update=given), scripts, "no folder", Target("A", "B", moved=True), allowed
    )
    assert way.do == do
    assert why in way.why


def test_a_tool_whose_sql_cannot_be_had_goes_back_as_it_says() -> None:
    way = way_back(MIGRATIONS, None, "no sql", Target("A", "B", moved=True), allow())
    assert way.do == "go"


def test_downs_are_copied_for_newest_first_and_must_be_where_lossy_alone_is_allowed() -> None:
    somewhere = Target("A", "B", moved=True)
    lossy = way_back(JUDGED, (NOTE, INDEX), "", somewhere, allow("lossy"))
    assert lossy.downs == (INDEX.down, NOTE.down)
    assert lossy.must_copy
    assert not way_back(JUDGED, (NOTE,), "", somewhere, allow("irreversible")).must_copy


def test_the_way_back_is_judged_by_the_types_of_before() -> None:
    there_and_back = RETYPE.model_copy(
        update={"down": "ALTER TABLE orders ALTER note TYPE varchar(10);"}
    )
    types = Fingerprint.of({"column": {"public.orders.note": {"type": "character varying(10)"}}})
    known = Target("A", "B", moved=True, seen=Seen(fingerprint=types))
    unknown = Target("A", "B", moved=True)

    assert "`allow_revert: [lossy]`" in way_back(JUDGED, (there_and_back,), "", known, allow()).why
    unclear = way_back(JUDGED, (there_and_back,), "", unknown, allow())
    assert "`allow_revert: [irreversible]`" in unclear.why


def test_many_reasons_are_counted() -> None:
    scripts = tuple(
        NOTE.model_copy(
            update={
                "version": f"{n:04}",
                "up": f"ALTER TABLE t{n} ADD COLUMN c text;",
                "down": f"ALTER TABLE t{n} DROP COLUMN c;",
            }
        )
        for n in range(5)
    )
    way = way_back(JUDGED, scripts, "", Target("A", "B", moved=True), allow())
    assert "and 2 more" in way.why
