"""`goaround-sql` on a real server: what it applies, takes back, refuses, and leaves when killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import asyncpg
import pytest

from goaround.embedded import EmbeddedPostgres
from goaround_migrating import BOOKKEEPING, fingerprint
from goaround_migrating.applying.command import main
from goaround_migrating.applying.register import NAME

if TYPE_CHECKING:
    Connection = asyncpg.Connection[Any]

pytestmark = pytest.mark.system

Ran = tuple[int, str, str]
Goaround = Callable[..., Ran]


class Home:
    """A folder with SQL files in pairs, and a database that they are for."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        folder.mkdir()

    def write(self, name: str, up: str, down: str | None = None) -> None:
        (self.folder / f"{name}.up.sql").write_text(up)
        if down is not None:
            (self.folder / f"{name}.down.sql").write_text(down)

    def change(self, files: dict[str, str | None]) -> None:
        """Write files anew; None removes one."""
        for name, text in files.items():
            if text is None:
                (self.folder / name).unlink()
            else:
                (self.folder / name).write_text(text)

    def argv(self, *words: str) -> list[str]:
        return [*words, "--folder", str(self.folder)]

    def query(self, sql: str) -> list[tuple[object, ...]]:
        async def ask() -> list[tuple[object, ...]]:
            connection = await asyncpg.connect(self.url)
            try:
                return [tuple(row) for row in await connection.fetch(sql)]
            finally:
                await connection.close()

        return asyncio.run(ask())

    @property
    def applied(self) -> list[object]:
        return [v for (v,) in self.query(f"SELECT version FROM {NAME} ORDER BY version")]


@pytest.fixture(scope="module")
def url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """One database for all tests here: a fresh one costs more than most of them."""
    yield postgres.create_database("applying")
    postgres.drop_database("applying")


@pytest.fixture
def home(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setenv("GOAROUND_DATABASE_URL", url)
    home = Home(tmp_path / "sql", url)
    two_files(home)
    yield home
    for (schema,) in home.query(
        "SELECT quote_ident(nspname) FROM pg_namespace "
        "WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
    ):
        home.query(f"DROP SCHEMA {schema} CASCADE")
    home.query("CREATE SCHEMA public")
    home.query("ALTER DATABASE applying RESET search_path")


def two_files(home: Home) -> None:
    home.write("0001_orders", "CREATE TABLE orders (id int PRIMARY KEY);", "DROP TABLE orders;")
    home.write(
        "0002_note",
        "ALTER TABLE orders ADD COLUMN note text;\nCREATE INDEX orders_note ON orders (note);",
        "ALTER TABLE orders DROP COLUMN note;",
    )


@pytest.fixture
def goaround_sql(home: Home, capsys: pytest.CaptureFixture[str]) -> Goaround:
    """Run it in this process: exit code, standard output, standard error."""

    def run(*words: str) -> Ran:
        code = main(home.argv(*words))
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_it_applies_in_order_and_takes_back_newest_first(
    home: Home, goaround_sql: Goaround
) -> None:
    assert goaround_sql("current") == (0, "base\n", "")
    assert goaround_sql("pending") == (0, "0001\n0002\n", "")
    done = "applied 0001_orders.up.sql\napplied 0002_note.up.sql\nat 0002\n"
    assert goaround_sql("apply") == (0, done, "")
    assert goaround_sql("apply") == (0, "nothing to apply at 0002\n", "")
    assert goaround_sql("current") == (0, "0002\n", "")
    assert goaround_sql("pending") == (0, "", "")
    assert goaround_sql("revert", "0001") == (0, "took back 0002_note.up.sql\nat 0001\n", "")
    assert goaround_sql("revert", "1") == (0, "nothing to take back at 0001\n", "")
    assert home.query("SELECT * FROM orders") == []
    assert goaround_sql("revert", "base") == (0, "took back 0001_orders.up.sql\nat base\n", "")
    assert goaround_sql("current") == (0, "base\n", "")


def test_it_applies_no_further_than_asked(home: Home, goaround_sql: Goaround) -> None:
    assert goaround_sql("apply", "--to", "base") == (0, "nothing to apply at base\n", "")
    assert goaround_sql("pending", "--to", "1") == (0, "0001\n", "")
    assert goaround_sql("apply", "--to", "1") == (0, "applied 0001_orders.up.sql\nat 0001\n", "")
    assert goaround_sql("apply", "--to", "1") == (0, "nothing to apply at 0001\n", "")
    code, _, err = goaround_sql("apply", "--to", "7")
    assert (code, err) == (
        1,
        "goaround-sql: no file here is of version 7; use a checkout that has it\n",
    )


def test_its_table_is_no_part_of_the_schema(home: Home, goaround_sql: Goaround) -> None:
    empty = asyncio.run(fingerprint(home.url))
    goaround_sql("apply")
    assert asyncio.run(fingerprint(home.url)) != empty
    goaround_sql("revert", "base")
    assert home.query(f"SELECT * FROM {NAME}") == []
    assert asyncio.run(fingerprint(home.url)) == empty
    assert NAME in BOOKKEEPING


def test_asking_leaves_no_table_behind(home: Home, goaround_sql: Goaround) -> None:
    goaround_sql("current")
    goaround_sql("pending")
    assert home.query(f"SELECT to_regclass('{NAME}')") == [(None,)]


def test_a_row_says_what_was_applied_and_when(home: Home, goaround_sql: Goaround) -> None:
    goaround_sql("apply")
    rows = home.query(
        f"SELECT version, name, length(digest), applied_at <= now() FROM {NAME} ORDER BY version"
    )
    assert rows == [("0001", "orders", 64, True), ("0002", "note", 64, True)]


def test_a_file_that_fails_leaves_nothing_and_those_before_it_stay(
    home: Home, goaround_sql: Goaround
) -> None:
    home.write("0003_bad", "CREATE TABLE a ();\n\nALTER TABLE orders\n  ADD COLUMN x nonsense;")
    code, out, err = goaround_sql("apply")
    assert code == 3
    assert out == "applied 0001_orders.up.sql\napplied 0002_note.up.sql\n"
    assert err == (
        "goaround-sql: 0003_bad.up.sql:4: `ALTER TABLE orders ADD COLUMN x nonsense`: "
        'type "nonsense" does not exist\n'
    )
    assert home.applied == ["0001", "0002"]
    assert home.query("SELECT to_regclass('a')") == [(None,)]


def test_a_way_back_that_fails_leaves_its_file_applied(home: Home, goaround_sql: Goaround) -> None:
    home.write("0003_a", "CREATE TABLE a ();", "DROP TABLE a;\nDROP TABLE no_such;")
    goaround_sql("apply")
    code, _, err = goaround_sql("revert", "base")
    assert code == 3
    assert err.startswith("goaround-sql: 0003_a.down.sql:2: `DROP TABLE no_such`: table")
    assert home.applied == ["0001", "0002", "0003"]
    assert home.query("SELECT * FROM a") == []


def test_what_is_refused_at_commit_leaves_nothing(home: Home, goaround_sql: Goaround) -> None:
    home.write(
        "0003_late",
        "CREATE TABLE a (id int REFERENCES orders DEFERRABLE INITIALLY DEFERRED);"
        "INSERT INTO a VALUES (7);",
    )
    code, _, err = goaround_sql("apply")
    assert code == 3
    assert "0003_late.up.sql: refused at the end of its transaction: insert or update" in err
    assert home.applied == ["0001", "0002"]


@pytest.mark.parametrize(
    ("changes", "words", "said"),
    [
        (
            {"0001_orders.up.sql": "CREATE TABLE orders (id bigint);"},
            ("apply",),
            "0001_orders.up.sql: was changed after it was applied on 20",
        ),
        (
            {"0002_note.up.sql": "SELECT 1;"},
            ("revert", "0001"),
            "0002_note.up.sql: was changed after it was applied on 20",
        ),
        (
            {"0002_note.up.sql": None, "0002_note.down.sql": None},
            ("apply",),
            "version 0002 (note) is applied, and no file here is of it; use a checkout that has it",
        ),
        (
            {"0002_note.down.sql": None},
            ("revert", "0001"),
            "0002_note.up.sql: version 0002 has no down; write one",
        ),
        (
            {"0001.5_x.up.sql": "SELECT 1;"},
            ("apply",),
            "0001.5_x.up.sql: neither an up nor a down; name it like 0003_add_note.up.sql",
        ),
        (
            {"0000_early.up.sql": "SELECT 1;"},
            ("pending",),
            "0000_early.up.sql: version 0000 is older than 0002, which is applied; give it",
        ),
        (
            {"0003_c.up.sql": "SELECT 1;\nCOMMIT;\nSELECT 2;"},
            ("apply",),
            "0003_c.up.sql:2: `COMMIT`: a file is applied as one transaction",
        ),
        (
            {"0003_c.up.sql": "SELECT 1;\nVACUUM orders;"},
            ("apply",),
            "0003_c.up.sql:2: `VACUUM orders`: PostgreSQL refuses this inside a transaction, so "
            "that it must stand alone; put it in a file of its own",
        ),
        (
            {"0003_c.up.sql": "BEGIN;\nVACUUM orders;\nCOMMIT;"},
            ("apply",),
            "0003_c.up.sql:2: `VACUUM orders`: PostgreSQL refuses this inside a transaction, so "
            "that it cannot stand between BEGIN and COMMIT",
        ),
        (
            {"0003_c.up.sql": "COPY orders FROM STDIN;\n1\n\\.\n"},
            ("apply",),
            "0003_c.up.sql:1: `COPY orders FROM STDIN`: rows in the text are for psql alone",
        ),
        (
            {},
            ("revert", "7"),
            "version 7 is not applied, the database is at 0002; nothing to go back to",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused_and_nothing_is_run(
    home: Home,
    goaround_sql: Goaround,
    changes: dict[str, str | None],
    words: tuple[str, ...],
    said: str,
) -> None:
    goaround_sql("apply")
    before = home.query(f"SELECT * FROM {NAME} ORDER BY version")
    home.change(changes)
    code, out, err = goaround_sql(*words)
    assert (code, out) == (1, "")
    assert said in err
    assert err.count("\n") == 1
    assert home.query(f"SELECT * FROM {NAME} ORDER BY version") == before
    assert home.query("SELECT note FROM orders") == []


def test_line_ends_and_a_changed_way_back_are_no_change(home: Home, goaround_sql: Goaround) -> None:
    goaround_sql("apply")
    path = home.folder / "0002_note.up.sql"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    (home.folder / "0002_note.down.sql").write_text(
        "DROP INDEX orders_note; ALTER TABLE orders DROP COLUMN note;"
    )
    assert goaround_sql("apply")[0] == 0
    assert goaround_sql("revert", "0001")[0] == 0


def test_begin_and_commit_around_a_file_say_nothing_new(home: Home, goaround_sql: Goaround) -> None:
    home.write("0003_c", "-- by hand\nBEGIN;\nCREATE TABLE c ();\nSELECT 1/0;\nCOMMIT;\n")
    assert goaround_sql("apply")[0] == 3
    assert home.query("SELECT to_regclass('c')") == [(None,)]
    home.write("0003_c", "BEGIN;\nSAVEPOINT s;\nCREATE TABLE c ();\nRELEASE s;\nEND;\n")
    assert goaround_sql("apply")[0] == 0
    assert home.query("SELECT * FROM c") == []


def test_what_postgres_refuses_inside_a_transaction_is_run_outside_and_said(
    home: Home, goaround_sql: Goaround
) -> None:
    home.write(
        "0003_i",
        "SET lock_timeout = '5s';\nCREATE INDEX CONCURRENTLY i ON orders (id);",
        "DROP INDEX CONCURRENTLY i;",
    )
    _, out, _ = goaround_sql("apply")
    assert "applied 0003_i.up.sql, outside a transaction\nat 0003\n" in out
    _, out, _ = goaround_sql("revert", "0002")
    assert out == "took back 0003_i.up.sql, outside a transaction\nat 0002\n"
    assert home.query("SELECT to_regclass('i')") == [(None,)]


def test_what_fails_outside_a_transaction_is_not_applied(
    home: Home, goaround_sql: Goaround
) -> None:
    home.write("0003_i", "CREATE INDEX CONCURRENTLY i ON no_such (id);")
    code, _, err = goaround_sql("apply")
    assert code == 3
    assert 'relation "no_such" does not exist' in err
    assert goaround_sql("current") == (0, "0002\n", "")


@pytest.mark.parametrize("words", [("current",), ("pending",), ("apply",), ("revert", "0001")])
def test_what_was_begun_outside_and_never_ended_is_for_a_person_to_settle(
    home: Home, goaround_sql: Goaround, words: tuple[str, ...]
) -> None:
    goaround_sql("apply")
    home.query(f"INSERT INTO {NAME} VALUES ('0003', 'i', 'abc', NULL)")
    code, out, err = goaround_sql(*words)
    assert (code, out) == (1, "")
    assert "version 0003 (i) was begun outside a transaction and never ended" in err
    assert f"UPDATE public.{NAME} SET applied_at = now() WHERE version = '0003'" in err


def test_a_file_that_changes_the_session_changes_nothing_for_the_next(
    home: Home, goaround_sql: Goaround
) -> None:
    home.write(
        "0003_elsewhere",
        "CREATE SCHEMA shop; SET search_path = shop; CREATE TABLE here ();"
        "CREATE ROLE nobody_here; SET ROLE nobody_here;",
        "DROP TABLE shop.here; DROP SCHEMA shop; DROP ROLE nobody_here;",
    )
    home.write("0004_there", "CREATE TABLE there ();", "DROP TABLE there;")
    try:
        assert goaround_sql("apply")[0] == 0
        assert home.query("SELECT * FROM shop.here") == []
        assert home.query("SELECT * FROM public.there") == []
        assert len(home.applied) == 4
    finally:
        assert goaround_sql("revert", "base")[0] == 0


def test_a_table_in_the_schema_of_the_user_is_found_again(
    home: Home, goaround_sql: Goaround
) -> None:
    home.query('CREATE SCHEMA "My shop"')
    home.query('ALTER DATABASE applying SET search_path = "My shop", public')
    assert goaround_sql("apply")[0] == 0
    assert home.query(f'SELECT count(*) FROM "My shop".{NAME}') == [(2,)]
    assert goaround_sql("current") == (0, "0002\n", "")


def test_a_plain_role_needs_no_more_than_a_schema_of_its_own(
    home: Home, goaround_sql: Goaround, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.query("CREATE ROLE plain")
    monkeypatch.setenv("GOAROUND_DATABASE_URL", f"{home.url}&role=plain")
    try:
        code, out, err = goaround_sql("apply")
        assert (code, out) == (1, "")
        assert "no schema of the user's search_path is there" in err
        home.query("GRANT USAGE ON SCHEMA public TO plain")
        code, out, err = goaround_sql("apply")
        assert (code, out) == (4, "")
        assert "permission denied for schema public" in err
        home.query("CREATE SCHEMA plain AUTHORIZATION plain")
        assert goaround_sql("apply")[0] == 0
        assert goaround_sql("current") == (0, "0002\n", "")
        owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'plain'"
        assert home.query(owners) == [("plain",)]
        assert goaround_sql("revert", "base")[0] == 0
    finally:
        home.query("DROP OWNED BY plain")
        home.query("DROP ROLE plain")


def test_the_other_layouts_are_applied_as_well(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "goose"
    folder.mkdir()
    (folder / "1_a.sql").write_text(
        "-- +goose Up\nCREATE TABLE a ();\n-- +goose Down\nDROP TABLE a;"
    )
    (folder / "2_b.sql").write_text("-- +goose Up\nCREATE TABLE b ();\nSELECT nope;\n")
    where = ["--folder", str(folder), "--layout", "goose"]
    assert main(["apply", *where]) == 3
    out, err = capsys.readouterr()
    assert out == "applied 1_a.sql\n"
    assert "2_b.sql:3: `SELECT nope`: column" in err
    assert main(["revert", "base", *where]) == 0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("postgresql://u:s3cret-word@127.0.0.1:1/x", "there is no server"),
        ("postgresql://u:s3cret/word@127.0.0.1:1/x", "the URL cannot be read"),
    ],
)
def test_a_database_that_is_away_is_told_without_its_password(
    goaround_sql: Goaround, monkeypatch: pytest.MonkeyPatch, wrong: str, said: str
) -> None:
    monkeypatch.setenv("GOAROUND_DATABASE_URL", wrong)
    code, out, err = goaround_sql("apply")
    assert (code, out) == (4, "")
    assert said in err
    assert "s3cret" not in err
    assert err.count("\n") == 1


def test_a_url_that_is_not_given_is_asked_for_by_name(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP", home.url.replace("postgresql:", "postgresql+psycopg:"))
    assert main(home.argv("current", "--database-env", "SHOP")) == 0
    with pytest.raises(SystemExit) as refused:
        main(home.argv("current", "--database-env", "NOT_SET"))
    assert refused.value.code == 2
    assert "NOT_SET is not set; put the database's URL there" in capsys.readouterr().err


class Process:
    """One `goaround-sql` of its own."""

    def __init__(self, home: Home, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "goaround_migrating", *home.argv(*words)],
            env={"PATH": os.environ["PATH"], "GOAROUND_DATABASE_URL": home.url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


class Stage:
    """Two connections: one that holds locks in a transaction, one that watches."""

    def __init__(self, holder: Connection, watcher: Connection) -> None:
        self.holder, self.watcher = holder, watcher
        self._held = holder.transaction()

    async def hold(self, lock: str) -> None:
        await self._held.start()
        await self.holder.execute(lock)

    async def let_go(self) -> None:
        await self._held.rollback()

    async def until(self, sql: str) -> None:
        async with asyncio.timeout(20):
            while not await self.watcher.fetchval(sql):  # noqa: ASYNC110 - no server tells
                await asyncio.sleep(0.02)


@pytest.fixture
async def stage(home: Home) -> AsyncIterator[Stage]:
    holder, watcher = await asyncpg.connect(home.url), await asyncpg.connect(home.url)
    yield Stage(holder, watcher)
    for connection in (holder, watcher):
        await connection.close()


WAITS = (
    "SELECT EXISTS (SELECT FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock')"
)
ALONE = (
    "SELECT count(*) = 2 FROM pg_stat_activity "
    "WHERE datname = current_database() AND backend_type = 'client backend'"
)


async def applied(home: Home) -> int:
    return await asyncio.to_thread(main, home.argv("apply"))


@pytest.mark.parametrize("server_notices", [True, False])
async def test_a_kill_in_mid_apply_leaves_whole_files_only(
    home: Home, stage: Stage, server_notices: bool
) -> None:
    assert await applied(home) == 0
    home.write("0003_more", "CREATE TABLE more ();\nALTER TABLE orders ADD COLUMN more int;")
    home.write("0004_last", "CREATE TABLE last ();")
    await stage.hold("LOCK TABLE orders IN ACCESS SHARE MODE")
    with Process(home, "apply") as running:
        await stage.until(WAITS)
        running.kill()
        if server_notices:
            await stage.until(ALONE)
        await stage.let_go()
        await stage.until(ALONE)
    rows = await stage.watcher.fetch(f"SELECT version FROM {NAME} ORDER BY version")
    assert [row["version"] for row in rows] == ["0001", "0002"]
    assert await stage.watcher.fetchval("SELECT to_regclass('more')") is None
    assert await applied(home) == 0
    assert await stage.watcher.fetchval(f"SELECT max(version) FROM {NAME}") == "0004"


async def test_a_kill_outside_a_transaction_leaves_a_file_that_is_begun(
    home: Home, stage: Stage
) -> None:
    assert await applied(home) == 0
    home.write("0003_i", "CREATE INDEX CONCURRENTLY i ON orders (id);")
    await stage.hold("LOCK TABLE orders IN ROW EXCLUSIVE MODE")
    with Process(home, "apply") as running:
        await stage.until(WAITS)
        running.kill()
        await stage.until(ALONE)
    await stage.let_go()
    assert await asyncio.to_thread(main, home.argv("current")) == 1
    assert await applied(home) == 1


async def test_a_server_that_goes_away_is_told_apart_from_one_that_refuses(
    home: Home, stage: Stage
) -> None:
    assert await applied(home) == 0
    home.write("0003_more", "ALTER TABLE orders ADD COLUMN more int;")
    await stage.hold("LOCK TABLE orders IN ACCESS SHARE MODE")
    with Process(home, "apply") as running:
        await stage.until(WAITS)
        await stage.watcher.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        _, err = await asyncio.to_thread(running.process.communicate)
        assert running.process.returncode == 4
    assert "terminating connection due to administrator command" in err
    await stage.let_go()
    assert await stage.watcher.fetchval(f"SELECT max(version) FROM {NAME}") == "0002"


async def test_two_never_interleave(home: Home, stage: Stage) -> None:
    home.write("0003_slow", "CREATE TABLE slow ();\nLOCK TABLE gate;")
    await stage.holder.execute("CREATE TABLE gate ()")
    await stage.hold("LOCK TABLE gate")
    with Process(home, "apply") as first:
        await stage.until(WAITS)
        with Process(home, "apply") as second:
            assert second.process.stdout is not None
            said = await asyncio.to_thread(second.process.stdout.readline)
            assert said == "waiting: another goaround-sql works on this database\n"
            await stage.let_go()
            for running, end in ((first, "at 0003\n"), (second, "nothing to apply at 0003\n")):
                out, err = await asyncio.to_thread(running.process.communicate)
                assert (running.process.returncode, err) == (0, "")
                assert out.endswith(end)
