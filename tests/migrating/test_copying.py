"""A scratch copy is the schema it was made of, whatever that holds, or says what it lacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from goaround.embedded import EmbeddedPostgres
from goaround_migrating import BOOKKEEPING
from goaround_migrating.rehearsing import Rehearsed, rehearse, scratch
from goaround_migrating.rehearsing.copying import by_dump, proven
from goaround_migrating.rehearsing.dumptext import batches
from goaround_migrating.rehearsing.original import read
from tests.migrating.looking import connected, run
from tests.migrating.sql_tool import SqlTool, Step, found_once

if TYPE_CHECKING:
    Connection = asyncpg.Connection[Any]

SHOP = (Path(__file__).parent / "shop.sql").read_text()
ADD = Step("02", "CREATE TABLE added (id int)", "DROP TABLE added")
KINDS = {
    "one of each kind of object": SHOP,
    "nothing": "SELECT 1",
    "extensions": (
        "CREATE SCHEMA ext; CREATE EXTENSION hstore SCHEMA ext; CREATE EXTENSION citext; "
        "CREATE EXTENSION btree_gist; CREATE TABLE tags (t ext.hstore, name citext UNIQUE, "
        "during int4range, EXCLUDE USING gist (during WITH &&))"
    ),
    "an extension of an older version": "CREATE EXTENSION hstore VERSION '1.4'",
    "no plpgsql": "DROP EXTENSION plpgsql",
    "enums and what is made of them": (
        "CREATE TYPE mood AS ENUM ('so so', 'it''s fine', 'ü'); CREATE DOMAIN glad AS mood "
        "CHECK (VALUE <> 'so so'); CREATE TYPE day AS (m mood, n glad[]); "
        "CREATE TABLE days (d day, m mood DEFAULT 'ü', ms mood[] DEFAULT '{ü}')"
    ),
    "partitions of partitions": (
        "CREATE TABLE m (at date NOT NULL, n int NOT NULL, PRIMARY KEY (at, n)) "
        "PARTITION BY RANGE (at); CREATE TABLE m_26 PARTITION OF m FOR VALUES FROM ('2026-01-01') "
        "TO ('2027-01-01') PARTITION BY LIST (n); CREATE TABLE m_26_1 PARTITION OF m_26 FOR VALUES "
        "IN (1); CREATE TABLE m_rest PARTITION OF m DEFAULT; CREATE INDEX m_n ON m (n)"
    ),
    "views on views": (
        "CREATE TABLE t (a int, b int); CREATE VIEW v AS SELECT a, a + b AS s FROM t; "
        "CREATE VIEW w WITH (security_barrier) AS SELECT * FROM v WHERE s > 1 WITH CHECK OPTION; "
        "CREATE MATERIALIZED VIEW x AS SELECT * FROM w; CREATE UNIQUE INDEX xi ON x (a); "
        "COMMENT ON VIEW w IS 'a -- comment; with /* signs'"
    ),
    "functions that call one another": (
        "CREATE FUNCTION a(n int) RETURNS int LANGUAGE plpgsql AS $f$ BEGIN RETURN b(n); END $f$; "
        "CREATE FUNCTION b(n int) RETURNS int LANGUAGE sql AS 'SELECT n'; "
        "CREATE TABLE f (n int DEFAULT a(1), CHECK (b(n) > 0)); CREATE INDEX fi ON f ((n + 1))"
    ),
    "a function that holds a heading of a dump": (
        "CREATE FUNCTION c() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN '\n--\n-- Name: x; "
        "Type: TABLE; Schema: public; Owner: -\n--\n\\restrict abc\n'; END $$"
    ),
    "triggers, disabled and on events": (
        "CREATE TABLE t (a int); CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RETURN NULL; END $$; CREATE TRIGGER one AFTER INSERT ON t FOR EACH ROW "
        "EXECUTE FUNCTION g(); CREATE CONSTRAINT TRIGGER two AFTER UPDATE ON t DEFERRABLE "
        "INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION g(); ALTER TABLE t DISABLE TRIGGER one; "
        "CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$; "
        "CREATE EVENT TRIGGER seen ON ddl_command_end WHEN TAG IN ('DROP INDEX') "
        "EXECUTE FUNCTION e()"
    ),
    "sequences of every make": (
        "CREATE SEQUENCE s AS smallint INCREMENT -2 MINVALUE -100 CYCLE; CREATE TABLE n ("
        "a serial, b int GENERATED ALWAYS AS IDENTITY (START 7 INCREMENT 3), "
        "c bigint DEFAULT nextval('s')); ALTER SEQUENCE s OWNED BY n.c"
    ),
    "schemas and quoted names": (
        'CREATE SCHEMA "My Schema"; CREATE TABLE "My Schema"."Order""s; -- x" ("Ünïcode" int '
        'PRIMARY KEY, "select" text); CREATE INDEX "I x" ON "My Schema"."Order""s; -- x" '
        '("select" DESC NULLS LAST); CREATE SEQUENCE "My Schema"."a.b"'
    ),
    "rows that only some may see": (
        "CREATE TABLE t (who name); ALTER TABLE t FORCE ROW LEVEL SECURITY; ALTER TABLE t ENABLE "
        "ROW LEVEL SECURITY; CREATE POLICY own ON t FOR SELECT TO PUBLIC USING (who = current_user)"
    ),
    "unlogged, inherited and of a type": (
        "CREATE UNLOGGED TABLE u (a int) WITH (fillfactor = 50); CREATE TABLE p (a int CHECK "
        "(a > 0) NO INHERIT, b text STORAGE EXTERNAL); CREATE TABLE c (d int) INHERITS (p); "
        "CREATE TYPE k AS (x int); CREATE TABLE o OF k (PRIMARY KEY (x)); "
        "ALTER TABLE p REPLICA IDENTITY FULL; ALTER TABLE p ALTER a SET STATISTICS 500"
    ),
    "a constraint that was not validated": (
        "CREATE TABLE t (a int); INSERT INTO t VALUES (0); "
        "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID"
    ),
    "what is kept of earlier reverts": (
        "CREATE TYPE mood AS ENUM ('ok'); CREATE SCHEMA goaround_kept; "
        "CREATE TABLE goaround_kept.orders_note_1 (id int, note mood)"
    ),
}


@pytest.fixture(scope="module")
def server(postgres: EmbeddedPostgres) -> str:
    return postgres.dsn("postgres")


async def no_pg_dump(server_major: int) -> Path | None:
    return None


@pytest.mark.system
@pytest.mark.parametrize("kind", KINDS)
async def test_a_copy_by_pg_dump_is_the_schema(database: str, server: str, kind: str) -> None:
    await run(database, KINDS[kind])
    original = await read(database, BOOKKEEPING, found_once)
    assert original.dump is not None
    copy = await scratch.chosen(server, kind)
    try:
        await scratch.make(server, copy, original.encoding)
        url = await scratch.opened(server, copy)
        await by_dump(url, original, original.dump)
        assert await proven(url, original, BOOKKEEPING, "pg_dump") == original.form
    finally:
        assert await scratch.drop(server, copy) == ""


@pytest.mark.system
async def test_without_pg_dump_the_migrations_make_the_copy(database: str, server: str) -> None:
    first = Step("01", SHOP)
    await SqlTool(first).apply(database)
    tool = SqlTool(first, ADD)
    found: Rehearsed[None] = await rehearse(
        database, server, tool, name="shop", find_pg_dump=no_pg_dump
    )
    assert (found.outcome, found.copied_by) == ("passed", "migrations"), found.reason
    assert "bring_to 01" in tool.seen


@pytest.mark.system
async def test_migrations_that_do_not_lead_to_what_is_deployed_leave_it_open(
    database: str, server: str
) -> None:
    first = Step("01", "CREATE TABLE orders (id int)")
    await SqlTool(first).apply(database)
    await run(database, "CREATE INDEX by_hand ON orders (id); ALTER TABLE orders ADD note text")
    found: Rehearsed[None] = await rehearse(
        database, server, SqlTool(first, ADD), name="shop", find_pg_dump=no_pg_dump
    )
    assert found.outcome == "errored"
    assert found.difference == ("column orders.note is missing", "index by_hand is missing")
    assert found.reason == (
        "the copy made by the migrations is not the schema that is deployed (2 differences), so "
        "that trying the migrations on it would tell nothing: column orders.note is missing; "
        "index by_hand is missing"
    )


@pytest.mark.system
async def test_what_pg_dump_cannot_carry_over_is_said(database: str, server: str) -> None:
    """An index whose build failed is none that a dump holds."""
    first = Step("01", "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1)")
    await SqlTool(first).apply(database)
    with pytest.raises(asyncpg.UniqueViolationError):
        await run(database, "CREATE UNIQUE INDEX CONCURRENTLY one ON t (a)")
    found: Rehearsed[None] = await rehearse(database, server, SqlTool(first, ADD), name="shop")
    assert (found.outcome, found.difference) == (
        "errored",
        ("index one is missing",),
    )


@pytest.mark.system
async def test_a_role_that_only_the_source_knows_is_named(
    database: str, server: str, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    """On one server roles are shared, so the copy needs a server of its own."""
    other = EmbeddedPostgres(tmp_path / "other", durable=False, die_with_parent=True)
    first = Step("01", "CREATE TABLE t (a int); CREATE POLICY p ON t TO clerks USING (a = 1)")
    await run(server, "CREATE ROLE clerks")
    try:
        await SqlTool(first).apply(database)
        other.start()
        found: Rehearsed[None] = await rehearse(
            database, other.dsn("postgres"), SqlTool(first, ADD), name="shop"
        )
    finally:
        other.erase()
        await run(database, "DROP TABLE t")
        await run(server, "DROP ROLE clerks")
    assert (found.outcome, found.reason) == (
        "errored",
        "the rehearsal server lacks role clerks: put that there, or name another",
    )


@pytest.mark.system
async def test_the_copy_has_no_row_but_those_that_tell_the_revision(
    database: str, server: str
) -> None:
    first = Step("01", "CREATE TABLE orders (id int)")
    await SqlTool(first).apply(database)
    await run(database, "INSERT INTO orders SELECT generate_series(1, 1000)")

    async def counted(url: str) -> tuple[bool, str, tuple[int, list[str]]]:
        async with connected(url) as connection:
            rows = await connection.fetchval("SELECT count(*) FROM orders")
            told = await connection.fetch("SELECT id, version FROM schema_migrations ORDER BY id")
            return True, "counted", (rows, [f"{row['id']} {row['version']}" for row in told])

    found = await rehearse(database, server, SqlTool(first, ADD), name="shop", smoke=counted)
    # The tool's own numbering goes on where it stood: its next row is the second.
    assert found.smoke == (0, ["1 01", "2 02"])


@pytest.mark.system
async def test_sessions_on_the_copy_begin_as_those_on_the_original(
    database: str, server: str
) -> None:
    name = database.partition("@/")[2].partition("?")[0]
    await run(
        database,
        f'CREATE SCHEMA "The Shop"; ALTER DATABASE {name} SET search_path = "The Shop", public; '
        f"ALTER DATABASE {name} SET timezone = 'Asia/Tokyo'; "
        f"ALTER DATABASE {name} SET my.app = 'a=b'",
    )
    first = Step("01", "CREATE TABLE orders (id int)")
    await SqlTool(first).apply(database)

    async def look(url: str) -> tuple[bool, str, list[str]]:
        async with connected(url) as connection:
            told = [
                await connection.fetchval(f"SHOW {s}")
                for s in ("search_path", "timezone", "my.app")
            ]
            return True, "looked", told

    found = await rehearse(database, server, SqlTool(first, ADD), name="shop", smoke=look)
    assert found.outcome == "passed", found.reason
    assert found.smoke == ['"The Shop", public', "Asia/Tokyo", "a=b"]


@pytest.mark.system
async def test_a_foreign_table_is_copied_without_the_login_behind_it(
    database: str, server: str
) -> None:
    first = Step(
        "01",
        "CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw "
        "OPTIONS (host 'far.internal'); CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS "
        "(user 'u', password 's3cret'); CREATE FOREIGN TABLE stock (n int) SERVER far",
    )
    await SqlTool(first).apply(database)

    async def look(url: str) -> tuple[bool, str, int]:
        async with connected(url) as connection:
            return True, "", await connection.fetchval("SELECT count(*) FROM pg_user_mappings")

    found = await rehearse(database, server, SqlTool(first, ADD), name="shop", smoke=look)
    assert (found.outcome, found.smoke) == ("passed", 0), found.reason


@pytest.mark.system
async def test_another_encoding_is_kept(database: str, server: str) -> None:
    await run(
        server,
        "CREATE DATABASE old_letters TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'",
    )
    source = database.replace(database.partition("@/")[2].partition("?")[0], "old_letters")
    try:
        first = Step("01", "CREATE TABLE läden (größe text DEFAULT 'ü')")
        await SqlTool(first).apply(source)
        found: Rehearsed[None] = await rehearse(source, server, SqlTool(first, ADD), name="shop")
    finally:
        await run(server, "DROP DATABASE old_letters")
    assert found.outcome == "passed", found.reason


HEADING = "--\n-- Name: {}; Type: {}; Schema: public; Owner: -\n--\n"


def entry(number: int) -> str:
    return HEADING.format(f"t{number}", "TABLE") + f"\nCREATE TABLE t{number} ();\n\n\n"


def test_a_long_dump_is_run_in_pieces_that_lose_nothing() -> None:
    dump = "SET transaction_timeout = 0;\n" + "".join(entry(n) for n in range(600))
    found = list(batches(dump, {}))
    assert [piece.count("CREATE") for piece in found] == [250, 250, 100]
    assert "".join(found).count("CREATE TABLE t") == 600
    assert "transaction_timeout" not in "".join(found)


def test_logins_at_foreign_servers_go_and_the_settings_beside_them_stay() -> None:
    dump = HEADING.format("USER MAPPING app SERVER far", "USER MAPPING") + (
        "\nCREATE USER MAPPING FOR app SERVER far OPTIONS (password 'x');\n\n\n"
        "SET default_table_access_method = heap;\n\n"
    )
    assert list(batches(dump + entry(1), {})) == [
        "SET default_table_access_method = heap;\n" + entry(1)
    ]


def test_what_a_dump_says_to_psql_alone_goes() -> None:
    dump = f"--\n-- dump\n--\n\\restrict aB1\n\nSET x = 1;\n{entry(1)}\\unrestrict aB1\n"
    assert list(batches(dump, {})) == [entry(1) + "\n"]
