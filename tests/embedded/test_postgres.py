"""EmbeddedPostgres against the real programs."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import pytest

from goaround.embedded import EmbeddedPostgres, OtherVersion, ServerError

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("embedded")]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root steps down to another account")


async def ask(dsn: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn=dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_a_fresh_database_is_empty_and_ours(database: str) -> None:
    assert await ask(database, "select count(*) from pg_tables where schemaname = 'public'") == 0
    assert await ask(database, "select current_user") == "app"


async def test_the_database_named_goaround_is_there_from_the_start(
    postgres: EmbeddedPostgres,
) -> None:
    assert await ask(postgres.dsn(), "select current_database()") == "goaround"


async def test_a_database_is_copied_from_a_template(
    postgres: EmbeddedPostgres, database: str
) -> None:
    await ask(database, "create table kept as select 42 as answer")
    copy = postgres.create_database("copy", template=database.split("@/")[1].split("?")[0])
    try:
        assert await ask(copy, "select answer from kept") == 42
    finally:
        postgres.drop_database("copy")


def test_a_database_name_taken_is_refused_by_name(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(ServerError, match='database "goaround" already exists'):
        postgres.create_database("goaround")


async def test_a_name_with_quotes_is_a_name_and_no_sql(postgres: EmbeddedPostgres) -> None:
    dsn = postgres.create_database('odd"; name')
    try:
        assert await ask(dsn, "select current_database()") == 'odd"; name'
    finally:
        postgres.drop_database('odd"; name')


def test_a_second_launcher_takes_the_running_server_over(postgres: EmbeddedPostgres) -> None:
    second = EmbeddedPostgres(postgres.root, durable=False)
    assert second.start() == postgres.dsn()
    assert second.adopted
    assert second.pid() == postgres.pid()


def test_nobody_but_us_can_enter_its_files(postgres: EmbeddedPostgres) -> None:
    files = postgres.status().files
    assert stat.S_IMODE(files.stat().st_mode) == 0o700
    assert stat.S_IMODE((files / "s").stat().st_mode) == 0o700


@as_root
def test_a_directory_only_root_may_enter_stays_so_and_the_data_goes_elsewhere(
    postgres: EmbeddedPostgres,
) -> None:
    assert stat.S_IMODE(postgres.root.stat().st_mode) == 0o700
    assert postgres.root.stat().st_uid == 0
    elsewhere = Path((postgres.root / "postgres.elsewhere").read_text().strip())
    assert postgres.status().files == elsewhere
    assert (elsewhere / "belongs-to").read_text().strip() == str(postgres.root)


@as_root
def test_data_that_can_no_longer_be_reached_is_not_replaced_by_an_empty_cluster(
    open_root: Path,
) -> None:
    (open_root / "cluster" / "data").mkdir(parents=True)
    open_root.chmod(0o700)
    with pytest.raises(ServerError, match="its data is already there"):
        EmbeddedPostgres(open_root).start()
    assert not (open_root / "postgres.elsewhere").exists()


def test_two_launchers_at_once_on_a_path_too_long_for_a_socket_start_one_server(
    open_root: Path,
) -> None:
    root = open_root / ("long-" * 24)
    pair = [EmbeddedPostgres(root, durable=False, die_with_parent=True) for _ in range(2)]
    try:
        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(EmbeddedPostgres.start, pair)
        assert first == second
        assert len(first.split("host=")[1]) < 90
        assert pair[0].pid() == pair[1].pid()
        assert sorted(server.adopted for server in pair) == [False, True]
    finally:
        for server in pair:
            server.erase()


def test_a_half_made_cluster_is_made_anew_and_a_stale_pid_file_is_seen_through(
    kept_root: Path,
) -> None:
    server = EmbeddedPostgres(kept_root / "postgres", die_with_parent=True)
    files = server.status().files
    half = files / "data.tmp"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    (files / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n{files}/data\n1\n5432\n")
    assert server.pid() is None
    with server:
        assert server.pid() not in (None, os.getpid())


def test_a_cluster_of_another_major_version_is_refused_untouched(open_root: Path) -> None:
    data = open_root / "cluster" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(OtherVersion, match=r"made by PostgreSQL 9, and .* holds PostgreSQL \d+"):
        EmbeddedPostgres(open_root).start()
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


def test_a_damaged_cluster_is_named_with_the_log_and_its_last_lines(kept_root: Path) -> None:
    server = EmbeddedPostgres(kept_root / "postgres", die_with_parent=True)
    control = server.status().files / "data" / "global" / "pg_control"
    whole = control.read_bytes()
    control.write_bytes(b"")
    try:
        with pytest.raises(ServerError, match=r"(?s)postgres.log:\n.*pg_control"):
            server.start()
    finally:
        control.write_bytes(whole)


def test_a_root_that_is_a_file_is_named() -> None:
    with TemporaryDirectory() as parent:
        file = Path(parent) / "taken"
        file.write_text("")
        with pytest.raises(ServerError, match="taken: File exists"):
            EmbeddedPostgres(file).start()


def test_stopping_what_never_ran_is_fine(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "never")
    server.stop()
    assert not server.status().running
    assert not (tmp_path / "never").exists()
