"""What migration tools say when they are asked, read by us: real programs, real folders."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from goaround_deployer import tooling
from goaround_deployer.database import database_of
from goaround_deployer.steps.program import Programs
from goaround_deployer.steps.question import MOST_STDOUT, Questions
from goaround_deployer.tooling import NotTold, applied_since, current, environment, pending
from goaround_migrating.tools import BASE, Script
from goaround_schemas.guide.step import Migrations
from tests.deployer import alembic_home

URL = "postgresql://shop:s3cret-word@127.0.0.1:1/shop"
WORKER = {"PATH": os.environ["PATH"], "SHOP_DB": URL}
ask = Questions(Programs(WORKER), WORKER)


def migrations(**given: Any) -> Migrations:
    return Migrations.model_validate({"current": ["echo", "3"], "apply": ["true"], **given})


def folder(home: Path, *files: str) -> Path:
    home.mkdir(exist_ok=True)
    for number, name in enumerate(files, 1):
        (home / f"{number:04}_{name}.up.sql").write_text(f"CREATE TABLE {name} ();")
        (home / f"{number:04}_{name}.down.sql").write_text(f"DROP TABLE {name};")
    return home


def versions(scripts: tuple[Script, ...]) -> list[str]:
    return [script.version for script in scripts]


@pytest.fixture(scope="module")
def alembic(tmp_path_factory: pytest.TempPathFactory) -> Migrations:
    home = tmp_path_factory.mktemp("alembic") / "home"
    return alembic_home.build(home, alembic_home.ORDERS, alembic_home.NOTE)


async def test_alembic_tells_what_is_pending_with_its_way_back(alembic: Migrations) -> None:
    orders, note = await pending(ask, alembic, BASE)
    assert versions((orders, note)) == ["a1", "b2"]
    assert "CREATE TABLE orders" in orders.up
    assert orders.down is not None
    assert "DROP TABLE orders" in orders.down
    assert versions(await pending(ask, alembic, "a1")) == ["b2"]
    assert await pending(ask, alembic, "b2") == ()


async def test_alembic_tells_what_was_applied_between_two_revisions(alembic: Migrations) -> None:
    (note,) = await applied_since(ask, alembic, "a1", "b2")
    assert note.version == "b2"
    assert "ADD COLUMN note" in note.up
    assert note.down is not None
    assert "DROP COLUMN note" in note.down
    assert await applied_since(ask, alembic, "b2", "b2") == ()


async def test_a_revision_that_alembic_does_not_know_is_not_told(alembic: Migrations) -> None:
    with pytest.raises(NotTold) as refused:
        await pending(ask, alembic, "f00")
    assert "upgrade f00:head --sql` ended with exit code" in refused.value.why
    assert "Can't locate revision" in refused.value.why


async def test_a_way_back_that_alembic_cannot_print_is_untold_and_not_none(tmp_path: Path) -> None:
    home = tmp_path / "home"
    found = alembic_home.build(home, alembic_home.ORDERS, alembic_home.UNTOLD)
    orders, untold = await pending(ask, found, BASE)
    assert (orders.down, untold.down) == (None, None)
    assert "downgrade c3:base --sql` ended with exit code 1" in untold.down_untold
    assert "CREATE INDEX" in untold.up


@pytest.mark.parametrize(
    ("printed", "found"),
    [("", BASE), ("a1 (head)\n", "a1"), ("INFO [alembic] something\nb2\n", "b2")],
)
def test_a_database_without_a_revision_of_alembics_is_at_the_base(
    alembic: Migrations, printed: str, found: str
) -> None:
    assert tooling.revision(alembic, printed) == found


def test_a_database_at_two_revisions_is_nowhere_that_a_rollback_could_name(
    alembic: Migrations,
) -> None:
    with pytest.raises(NotTold, match="at 2 revisions at once"):
        tooling.revision(alembic, "a1 (head)\nb2 (head)\n")


async def test_files_tell_what_is_above_the_revision(tmp_path: Path) -> None:
    given = migrations(files={"folder": "sql"}, dir=str(tmp_path))
    folder(tmp_path / "sql", "a", "b", "c")
    assert versions(await pending(ask, given, "1")) == ["0002", "0003"]
    assert versions(await pending(ask, given, "base")) == ["0001", "0002", "0003"]
    assert await pending(ask, given, "0003") == ()
    assert versions(await applied_since(ask, given, "base", "2")) == ["0001", "0002"]
    assert versions(await applied_since(ask, given, "0001", "3")) == ["0002", "0003"]
    (last,) = await applied_since(ask, given, "2", "3")
    assert (last.up, last.down) == ("CREATE TABLE c ();", "DROP TABLE c;")


async def test_a_revision_of_which_there_is_no_file_is_not_told(tmp_path: Path) -> None:
    given = migrations(files={"folder": str(folder(tmp_path / "sql", "a"))})
    with pytest.raises(NotTold, match="at 9, and no file in"):
        await pending(ask, given, "9")
    with pytest.raises(NotTold, match="at 9, and no file in"):
        await applied_since(ask, given, "1", "9")


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    given = migrations(files={"folder": "no-such"}, dir=str(tmp_path))
    with pytest.raises(NotTold) as refused:
        await pending(ask, given, "1")
    assert f"{tmp_path}/no-such: no such folder" in refused.value.why


async def test_a_file_that_is_no_migration_is_named_with_what_to_do(tmp_path: Path) -> None:
    sql = folder(tmp_path / "sql", "a")
    given = migrations(files={"folder": str(sql)})
    (sql / "0002_b.up.sql").write_bytes(b"SELECT 1;\n-- caf\xe9\n")
    with pytest.raises(NotTold, match=r"0002_b\.up\.sql: line 2 is not UTF-8; save the file"):
        await pending(ask, given, "1")
    (sql / "0002_b.up.sql").rename(sql / "note.sql")
    (sql / "note.sql").write_text("SELECT 1;")
    with pytest.raises(NotTold, match=r"note\.sql: neither an up nor a down; name it like"):
        await pending(ask, given, "1")


async def test_a_command_that_prints_the_sql_is_one_migration_with_its_way_back() -> None:
    given = migrations(sql=["echo", "DROP TABLE a;"], revert_sql=["echo", "CREATE TABLE a ();"])
    (whole,) = await pending(ask, given, "3")
    assert (whole.version, whole.up, whole.down) == (
        "all",
        "DROP TABLE a;\n",
        "CREATE TABLE a ();\n",
    )


@pytest.mark.parametrize(
    ("given", "down_untold"),
    [
        ({}, ""),
        ({"revert": ["true"]}, "revert_sql: is not in the guide"),
        ({"revert_sql": ["sh", "-c", "echo gone >&2; exit 3"]}, "exit code 3; it printed: gone"),
        ({"revert_sql": ["echo", "-- nothing"]}, ""),
    ],
)
async def test_a_way_back_that_nobody_tells_is_said_to_be_untold(
    given: dict[str, Any], down_untold: str
) -> None:
    (whole,) = await pending(ask, migrations(sql=["echo", "DROP TABLE a;"], **given), "3")
    assert whole.down is None
    assert down_untold in whole.down_untold
    assert bool(down_untold) == bool(whole.down_untold)


@pytest.mark.parametrize("printed", ["", "-- nothing to do -- -- --\n\n", "BEGIN;\n\nCOMMIT;\n"])
async def test_a_command_that_prints_no_statement_has_nothing_pending(printed: str) -> None:
    assert await pending(ask, migrations(sql=["printf", "%s", printed]), "3") == ()


async def test_what_was_applied_by_a_tool_of_ones_own_cannot_be_asked_for_afterwards() -> None:
    with pytest.raises(NotTold, match="tells what is pending alone"):
        await applied_since(ask, migrations(sql=["true"]), "1", "2")
    with pytest.raises(NotTold, match=r"alembic: or files:"):
        await applied_since(ask, migrations(), "1", "2")
    with pytest.raises(NotTold, match="add alembic:, files: or sql:"):
        await pending(ask, migrations(), "1")


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["no-such-tool"], "`no-such-tool` was not run: program 'no-such-tool' was not found"),
        (["sh", "-c", "echo no; exit 4"], "exit code 4; it printed: no"),
        (["sleep", "60"], "`sleep 60` did not end within 0.2 s (timeout:)"),
        (["true"], "`true` printed nothing: it must print the revision"),
        (["echo", "${env:NOT_HERE}"], "Set NOT_HERE in the environment"),
    ],
)
async def test_a_tool_that_does_not_say_is_not_told_and_says_why(argv: list[str], why: str) -> None:
    with pytest.raises(NotTold) as refused:
        await current(ask, migrations(current=argv, timeout="200ms"))
    assert why in refused.value.why


async def test_all_of_a_long_text_is_read_and_one_without_end_is_refused() -> None:
    code = "import sys; sys.stdout.write('SELECT 1;' * {})"
    short = migrations(sql=[sys.executable, "-c", code.format(200_000)])
    (whole,) = await pending(ask, short, "3")
    assert len(whole.up) == 9 * 200_000
    long = migrations(sql=[sys.executable, "-c", code.format(MOST_STDOUT // 9 + 1)])
    with pytest.raises(NotTold, match="printed more than 8 MiB"):
        await pending(ask, long, "3")


async def test_every_command_finds_the_database_and_none_shows_its_password() -> None:
    code = "import os; print(os.environ['DATABASE_URL'], 's3cret-word', os.environ['OTHER'])"
    given = migrations(
        sql=[sys.executable, "-c", code],
        database="${env:SHOP_DB}",
        database_env="DATABASE_URL",
        env={"OTHER": "as it is", "DATABASE_URL": "of the guide"},
    )
    (whole,) = await pending(ask, given, "3")
    assert whole.up == "••• ••• as it is\n"
    worker = {**WORKER, "SCRATCH": "postgresql://u:els3-where@h/scratch"}
    scratch = Questions(Programs(WORKER), worker, url="${env:SCRATCH}")
    (whole,) = await pending(scratch, given, "3")
    assert whole.up == "••• s3cret-word as it is\n"


def test_files_that_goaround_applies_find_the_database_under_both_names() -> None:
    given = Migrations.model_validate(
        {"files": {"folder": "sql"}, "database": "${env:SHOP_DB}", "database_env": "PGURL"}
    )
    assert environment(given) == {
        "PGURL": "${env:SHOP_DB}",
        "GOAROUND_DATABASE_URL": "${env:SHOP_DB}",
    }
    assert environment(migrations()) == {}


def test_a_url_that_names_a_driver_is_read_and_spelled_as_the_guide_has_it() -> None:
    given = migrations(database="${env:DB}")
    found = database_of(given, {"DB": "postgresql+asyncpg://u:s3cret-word@h:1/shop"})
    assert found is not None
    assert found.url == "postgresql://u:s3cret-word@h:1/shop"
    assert found.spelled("postgresql://h/scratch") == "postgresql+asyncpg://h/scratch"
    assert "s3cret-word" not in repr(found)
    assert found.mask.apply("for s3cret-word") == "for •••"
    assert database_of(migrations(), {}) is None


@pytest.mark.parametrize("url", ["mysql://u:s3cret-word@h/shop", "s3cret-word"])
def test_what_is_no_url_of_postgres_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(NotTold) as refused:
        database_of(migrations(database="${env:DB}"), {"DB": url})
    assert "deploy.migrations.database: what ${env:DB} holds is no URL" in refused.value.why
    assert "s3cret" not in refused.value.why


async def test_a_database_that_does_not_answer_is_told_without_its_password() -> None:
    given = migrations(database="${env:SHOP_DB}")
    found = database_of(given, WORKER)
    assert found is not None
    with pytest.raises(NotTold) as refused:
        await found.fingerprint(given)
    assert "fingerprint could not be taken: there is no server" in refused.value.why
    assert "s3cret-word" not in refused.value.why
