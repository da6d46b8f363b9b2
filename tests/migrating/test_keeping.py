"""What a lossy revert would drop: copied first, found again, put back by the SQL told."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg
import pytest

from goaround_migrating import fingerprint
from goaround_migrating.keeping import Kept, NotKept, keep
from goaround_migrating.keeping.copies import side_table
from goaround_migrating.keeping.losing import Loss, losses
from tests.migrating.looking import connected, run

if TYPE_CHECKING:
    Connection = asyncpg.Connection[Any]


async def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    async with connected(url) as connection:
        return [tuple(row) for row in await connection.fetch(query)]


class There(NamedTuple):
    """What stands before, what is reverted, and what brings the form of before again."""

    made: str
    down: str
    up: str
    kept: dict[str, int]
    look: str
    """A query whose answer is as before once all is put back."""


ORDERS = (
    "CREATE TABLE orders (id int PRIMARY KEY, note text DEFAULT 'none'); "
    "INSERT INTO orders VALUES (1, 'ü'), (2, NULL), (3, E'a''\\n\\\\b');"
)
THERE = {
    "a column": There(
        ORDERS, "ALTER TABLE orders DROP COLUMN note",
        "ALTER TABLE orders ADD COLUMN note text DEFAULT 'none'",
        {'column "public"."orders"."note"': 3}, "SELECT * FROM orders ORDER BY id",
    ),
    "two columns, a key of two, and a rename before": There(
        'CREATE TABLE "Or ders" (a int, "b c" text COLLATE "C", "select" json, x varchar(9), '
        'PRIMARY KEY ("b c", a)); INSERT INTO "Or ders" VALUES (1, \'p\', \'{"z":1}\', \'one\'), '
        "(1, 'q', '[]', NULL)",
        'ALTER TABLE "Or ders" RENAME x TO y; ALTER TABLE "Or ders" RENAME TO "new"; '
        'ALTER TABLE "new" DROP y, DROP "select"',
        'ALTER TABLE "new" RENAME TO "Or ders"; ALTER TABLE "Or ders" ADD "select" json, '
        "ADD x varchar(9)",
        {'column "public"."Or ders"."select"': 2, 'column "public"."Or ders"."x"': 2},
        'SELECT a, "b c", "select"::text, x FROM "Or ders" ORDER BY 2',
    ),
    "a column of a table without a key": There(
        "CREATE TABLE t (a json, b int); INSERT INTO t VALUES ('1', 5), (NULL, 6)",
        "ALTER TABLE t DROP b", "ALTER TABLE t ADD b int", {'column "public"."t"."b"': 2},
        "SELECT a::text, b FROM t ORDER BY b",
    ),
    "the key itself": There(
        "CREATE TABLE t (id int PRIMARY KEY, n text); INSERT INTO t VALUES (7, 'x'), (8, 'y')",
        "ALTER TABLE t DROP id", "ALTER TABLE t ADD id int", {'column "public"."t"."id"': 2},
        "SELECT id, n FROM t ORDER BY n",
    ),
    "the only column": There(
        "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2)", "ALTER TABLE t DROP a; DELETE "
        "FROM t", "ALTER TABLE t ADD a int", {'table "public"."t"': 2},
        "SELECT a FROM t ORDER BY 1",
    ),
    "a table with numbers of its own, what is computed, and types of its own": There(
        "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN zip AS text; "
        "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, m mood, ms mood[], "
        "z zip, d int GENERATED ALWAYS AS (id * 2) STORED, at timestamptz, f float8, b bytea); "
        "INSERT INTO t (m, ms, z, at, f, b) VALUES ('sad', '{ok,NULL}', '01', "
        "'2026-01-02 03:04:05.678901+09', 0.1, '\\x00ff'), (NULL, NULL, NULL, NULL, 'NaN', NULL)",
        "DROP TABLE t; DROP TYPE mood; DROP DOMAIN zip",
        "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN zip AS text; "
        "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, m mood, ms mood[], "
        "z zip, d int GENERATED ALWAYS AS (id * 2) STORED, at timestamptz, f float8, b bytea)",
        {'table "public"."t"': 2}, "SELECT t::text FROM t ORDER BY id",
    ),
    "a table of another schema, partitioned": There(
        "CREATE SCHEMA s; CREATE TABLE s.m (n int PRIMARY KEY, v text) PARTITION BY LIST (n); "
        "CREATE TABLE s.m1 PARTITION OF s.m FOR VALUES IN (1); "
        "CREATE TABLE s.m2 PARTITION OF s.m DEFAULT; INSERT INTO s.m VALUES (1, 'a'), (9, 'b')",
        "DROP TABLE s.m", "CREATE TABLE s.m (n int PRIMARY KEY, v text)",
        {'table "s"."m"': 2}, "SELECT * FROM s.m ORDER BY n",
    ),
    "a narrower type": There(
        "CREATE TABLE t (id int PRIMARY KEY, v varchar(20)); INSERT INTO t VALUES (1, 'a   ')",
        "ALTER TABLE t ALTER v TYPE varchar(3) USING left(v, 3)", "ALTER TABLE t ALTER v TYPE "
        "varchar(20)", {'column "public"."t"."v"': 1}, "SELECT * FROM t",
    ),
    "rows that are deleted or written over": There(
        ORDERS, "DELETE FROM orders WHERE id = 1; UPDATE orders SET note = 'x' WHERE id = 2",
        "SELECT 1", {'table "public"."orders"': 3}, "SELECT * FROM orders ORDER BY id",
    ),
    "rows that go with those they refer to": There(
        "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES "
        "a ON DELETE CASCADE); CREATE TABLE c (id int PRIMARY KEY, b int REFERENCES b ON DELETE "
        "SET NULL); CREATE TABLE d (a int REFERENCES a); INSERT INTO a VALUES (1); INSERT INTO b "
        "VALUES (2, 1); INSERT INTO c VALUES (3, 2)", "DELETE FROM a", "SELECT 1",
        {'table "public"."a"': 1, 'table "public"."b"': 1, 'table "public"."c"': 1},
        "SELECT a.id, b.id, c.b FROM a, b, c",
    ),
    "all rows of whatever refers to a table": There(
        "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES "
        "a); INSERT INTO a VALUES (1); INSERT INTO b VALUES (2, 1)", "TRUNCATE a CASCADE",
        "SELECT 1", {'table "public"."a"': 1, 'table "public"."b"': 1}, "SELECT * FROM a, b",
    ),
    "columns of a type that is dropped": There(
        "CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE a (id int PRIMARY KEY, m mood); "
        "CREATE TABLE b (id int PRIMARY KEY, ms mood[]); CREATE VIEW v AS SELECT m FROM a; "
        "INSERT INTO a VALUES (1, 'ok'); INSERT INTO b VALUES (2, '{ok}')",
        "DROP TYPE mood CASCADE", "CREATE TYPE mood AS ENUM ('ok'); ALTER TABLE a ADD m mood; "
        "ALTER TABLE b ADD ms mood[]",
        {'column "public"."a"."m"': 1, 'column "public"."b"."ms"': 1},
        "SELECT a.m::text, b.ms::text FROM a, b",
    ),
    "all tables of a schema that is dropped": There(
        "CREATE SCHEMA s; CREATE TABLE s.a (id int PRIMARY KEY); CREATE TABLE s.b (v text); "
        "INSERT INTO s.a VALUES (1); INSERT INTO s.b VALUES ('x')", "DROP SCHEMA s CASCADE",
        "CREATE SCHEMA s; CREATE TABLE s.a (id int PRIMARY KEY); CREATE TABLE s.b (v text)",
        {'table "s"."a"': 1, 'table "s"."b"': 1}, "SELECT * FROM s.a, s.b",
    ),
    "columns of an extension's types": There(
        "CREATE EXTENSION hstore; CREATE TABLE t (id int PRIMARY KEY, h hstore); "
        "INSERT INTO t VALUES (1, 'a=>1')", "DROP EXTENSION hstore CASCADE",
        "CREATE EXTENSION hstore; ALTER TABLE t ADD h hstore", {'column "public"."t"."h"': 1},
        "SELECT id, h::text FROM t",
    ),
    "the number that a sequence had reached": There(
        "CREATE SEQUENCE s; SELECT nextval('s'), nextval('s')", "DROP SEQUENCE s",
        "CREATE SEQUENCE s", {'sequence "public"."s"': 1}, "SELECT last_value, is_called FROM s",
    ),
    "the number that an identity had reached": There(
        "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY); INSERT INTO t DEFAULT VALUES; "
        "DELETE FROM t", "ALTER TABLE t ALTER id DROP IDENTITY",
        "ALTER TABLE t ALTER id ADD GENERATED ALWAYS AS IDENTITY",
        {'sequence "public"."t_id_seq"': 1}, "SELECT last_value, is_called FROM t_id_seq",
    ),
}  # fmt: skip


@pytest.mark.system
@pytest.mark.parametrize("case", THERE)
async def test_what_is_kept_comes_back(database: str, case: str) -> None:
    there = THERE[case]
    await run(database, there.made)
    before, form = await rows(database, there.look), await fingerprint(database)
    kept = await keep(database, [there.down], "run-1")
    assert {k.of: k.rows for k in kept} == there.kept
    # The copies hold nothing back: what they are of can be dropped, with its types.
    assert await fingerprint(database) == form
    await run(database, there.down)
    await run(database, there.up)
    for one in kept:
        await run(database, one.restore_sql)
    assert await rows(database, there.look) == before


LOSES_NOTHING = {
    "an index": (ORDERS + "CREATE INDEX i ON orders (note)", "DROP INDEX i"),
    "a view, with what stands on it": (
        ORDERS + "CREATE VIEW v AS TABLE orders; CREATE VIEW w AS TABLE v", "DROP VIEW v CASCADE",
    ),
    "what the way back makes itself": (
        ORDERS, "CREATE TABLE helper (id int); INSERT INTO helper SELECT 1; DROP TABLE helper",
    ),
    "what is not there": (ORDERS, "DROP TABLE IF EXISTS gone"),
    "what is computed": (
        "CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a + 1) STORED)",
        "ALTER TABLE t DROP COLUMN b",
    ),
    "the tool's own notes": (
        "CREATE TABLE alembic_version (version_num text)",
        "DELETE FROM alembic_version; DROP TABLE alembic_version",
    ),
    "nothing at all": (ORDERS, ""),
}  # fmt: skip


@pytest.mark.system
@pytest.mark.parametrize("case", LOSES_NOTHING)
async def test_where_nothing_is_lost_nothing_is_made(database: str, case: str) -> None:
    made, down = LOSES_NOTHING[case]
    await run(database, made)
    assert await keep(database, [down], "run-1") == ()
    assert await rows(database, "SELECT to_regnamespace('goaround_kept')") == [(None,)]


NOT_TOLD = {
    "DO $$ BEGIN DROP TABLE orders; END $$": "a DO block runs a program",
    "SELECT tidy_up()": "calls tidy_up()",
    "DROP FUNCTION f CASCADE": "drops function f",
    "DROP OWNED BY app": "everything that a role owns",
    "SELECT setval('s', 1)": "sets where a sequence stands",
}


@pytest.mark.parametrize("down", NOT_TOLD)
def test_what_a_text_does_not_tell_is_refused(down: str) -> None:
    with pytest.raises(NotKept, match="the way back, line 1: ") as refusal:
        losses([f"{down};"], {})
    assert NOT_TOLD[down] in str(refusal.value)
    assert "copy it by hand and revert by hand" in str(refusal.value)


def test_names_are_those_before_the_first_statement_of_the_first_script() -> None:
    newest = "ALTER TABLE a RENAME TO b"
    oldest = "ALTER TABLE b DROP COLUMN c; DROP TABLE b"
    assert losses([newest, oldest], {}) == (
        Loss("column", "a.c", "itself"),
        Loss("table", "a", "itself"),
    )


@pytest.mark.system
async def test_what_would_be_lost_by_a_name_that_is_not_there_is_refused(database: str) -> None:
    await run(database, 'CREATE TABLE "a.b" (note text)')
    down = 'ALTER TABLE "a.b" RENAME TO c; ALTER TABLE c DROP COLUMN note'
    with pytest.raises(NotKept, match=r"and no column c\.note is there"):
        await keep(database, [down], "run-1")


@pytest.mark.system
async def test_a_second_time_finds_what_is_there(database: str) -> None:
    await run(database, ORDERS)
    first = await keep(database, ["ALTER TABLE orders DROP COLUMN note"], "run-1")
    assert await keep(database, ["ALTER TABLE orders DROP COLUMN note"], "run-1") == first
    assert len(await rows(database, "SELECT FROM pg_class WHERE relname ~ '^orders_note'")) == 1


@pytest.mark.system
async def test_after_the_revert_it_still_says_what_it_kept(database: str) -> None:
    down = "ALTER TABLE orders DROP COLUMN note"
    await run(database, ORDERS)
    first = await keep(database, [down], "run-1")
    await run(database, down)
    assert await keep(database, [down], "run-1") == first
    with pytest.raises(NotKept):  # another run has not seen what is gone
        await keep(database, [down], "run-2")


@pytest.mark.system
@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO orders VALUES (4, 'late')",
        "UPDATE orders SET note = NULL WHERE id = 1",
        "INSERT INTO orders VALUES (5)",
        "DELETE FROM orders WHERE id = 1",
    ],
)
async def test_what_was_written_since_is_copied_beside_what_is_there(
    database: str, change: str
) -> None:
    down = "ALTER TABLE orders DROP COLUMN note"
    await run(database, ORDERS)
    (first,) = await keep(database, [down], "run-1")
    await run(database, change)
    again = await keep(database, [down], "run-1")
    assert len(again) == 2
    assert first in again
    assert sorted(k.table for k in again) == [
        f'goaround_kept."{side_table("orders_note", "run-1", number)}"' for number in (1, 2)
    ]


@pytest.mark.system
async def test_a_column_that_came_back_empty_takes_nothing_from_what_is_kept(
    database: str,
) -> None:
    down = "ALTER TABLE orders DROP COLUMN note"
    await run(database, ORDERS)
    (first,) = await keep(database, [down], "run-1")
    await run(database, f"{down}; ALTER TABLE orders ADD COLUMN note text")
    assert first in await keep(database, [down], "run-1")
    assert await rows(database, f"SELECT count(note) FROM {first.table}") == [(2,)]


@pytest.mark.system
async def test_all_is_kept_or_nothing(database: str) -> None:
    await run(
        database,
        ORDERS + "CREATE TABLE p (id int); CREATE TABLE q () INHERITS (p); CREATE TABLE r (a int)",
    )
    with pytest.raises(NotKept, match=r"table public\.p has children by inheritance"):
        await keep(database, ["DROP TABLE orders; DROP TABLE r; DROP TABLE p CASCADE"], "run-1")
    assert await rows(database, "SELECT to_regnamespace('goaround_kept')") == [(None,)]


@pytest.mark.system
async def test_a_table_that_is_held_is_waited_for_no_longer_than_told(database: str) -> None:
    await run(database, ORDERS)
    async with connected(database) as other, other.transaction():
        await other.execute("LOCK TABLE orders")
        with pytest.raises(NotKept, match=r"was not copied within 0\.5 s, so that nothing was"):
            await keep(database, ["DROP TABLE orders"], "run-1", within_s=0.5)
    assert await rows(database, "SELECT to_regnamespace('goaround_kept')") == [(None,)]


@pytest.mark.system
async def test_a_role_that_may_make_no_schema_is_told_what_to_grant(database: str) -> None:
    await run(database, ORDERS)
    await run(database, "CREATE ROLE keeper; GRANT SELECT ON orders TO keeper")
    try:
        with pytest.raises(NotKept, match=r"GRANT CREATE ON DATABASE test_[0-9]+ TO keeper"):
            await keep(database + "&options=-c%20role%3Dkeeper", ["DROP TABLE orders"], "run-1")
    finally:
        await run(database, "DROP OWNED BY keeper; DROP ROLE keeper")


@pytest.mark.system
async def test_rows_that_a_role_may_not_see_are_not_left_out_in_silence(database: str) -> None:
    await run(database, ORDERS)
    await run(
        database,
        "CREATE ROLE seer; GRANT SELECT ON orders TO seer; ALTER TABLE orders ENABLE ROW LEVEL "
        "SECURITY; CREATE SCHEMA goaround_kept; GRANT ALL ON SCHEMA goaround_kept TO seer",
    )
    try:
        with pytest.raises(NotKept, match="query would be affected by row-level security"):
            await keep(database + "&options=-c%20role%3Dseer", ["DROP TABLE orders"], "run-1")
    finally:
        await run(database, "DROP OWNED BY seer; DROP ROLE seer")


@pytest.mark.system
async def test_tables_of_one_name_in_two_schemas_are_both_kept(database: str) -> None:
    """Which of them a bare name means, the tool's search_path says, and the text does not."""
    await run(database, ORDERS + "CREATE SCHEMA s; CREATE TABLE s.orders (note text)")
    kept = await keep(database, ["DROP TABLE orders"], "run-1")
    assert [k.of for k in kept] == ['table "public"."orders"', 'table "s"."orders"']


@pytest.mark.system
async def test_two_runs_that_keep_at_once_do_not_meet(database: str) -> None:
    await run(database, ORDERS)
    found = await asyncio.gather(
        *(keep(database, ["DROP TABLE orders"], f"run-{n % 2}") for n in range(4))
    )
    tables = [k.table for (k,) in found]
    assert tables[:2] == tables[2:]
    assert len(set(tables)) == 2


@pytest.mark.system
async def test_a_person_finds_in_the_database_what_is_kept_and_how_to_have_it_back(
    database: str,
) -> None:
    await run(database, ORDERS)
    (kept,) = await keep(database, ["ALTER TABLE orders DROP COLUMN note"], "run-1")
    assert kept == Kept(
        table=f'goaround_kept."{side_table("orders_note", "run-1")}"',
        restore_sql=(
            'UPDATE "public"."orders" AS t SET "note" = k."note" '
            f'FROM {kept.table} AS k\n WHERE t."id" = k."id";'
        ),
        of='column "public"."orders"."note"',
        rows=3,
    )
    ((told,),) = await rows(
        database, f"SELECT obj_description('{kept.table}'::regclass, 'pg_class')"
    )
    assert told == (
        'column "public"."orders"."note", kept by goaround before the revert of run run-1\n'
        f"{kept.restore_sql}"
    )


@pytest.mark.system
async def test_without_a_server_no_password_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotKept, match="there is no server") as refusal:
        await keep(f"postgresql://app:s3cret@/shop?host={tmp_path}", ["DROP TABLE a"], "run-1")
    assert "s3cret" not in str(refusal.value)


def test_names_of_side_tables_fit_and_differ() -> None:
    stems = ["a", "ü" * 60, "ü" * 61, "x" * 200]
    names = [side_table(stem, run, n) for stem in stems for run in ("r1", "r2") for n in (1, 12)]
    assert len(set(names)) == len(names)
    assert all(len(name.encode()) <= 63 for name in names)
