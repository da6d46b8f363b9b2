import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest

from goaround_shop.migrate import CannotMigrate, found_in
from goaround_shop.releases import RELEASES
from tests.shop.live import LiveShop, run


async def _schema(database: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch(
            "SELECT table_name, column_name, data_type, is_nullable, column_default"
            " FROM information_schema.columns WHERE table_schema = 'public'"
            " AND table_name <> 'shop_schema' ORDER BY 1, 2"
        )
        return [tuple(row) for row in rows]
    finally:
        await connection.close()


@pytest.mark.system
def test_up_and_down_again_leaves_the_schema_as_it_was(shop: LiveShop) -> None:
    assert shop.migrate("current").stdout == "0000\n"
    seen = [asyncio.run(_schema(shop.database))]
    for revision in ("0001", "0002", "0003"):
        assert shop.migrate("upgrade", revision).stdout == f"{revision}\n"
        seen.append(asyncio.run(_schema(shop.database)))
    assert len({tuple(schema) for schema in seen}) == 4
    for at, revision in enumerate(("0002", "0001", "0000")):
        assert shop.migrate("downgrade", revision).stdout == f"{revision}\n"
        assert asyncio.run(_schema(shop.database)) == seen[2 - at]


@pytest.mark.system
def test_each_release_brings_the_schema_as_far_as_it_knows(shop: LiveShop) -> None:
    for release in RELEASES.values():
        told = shop.migrate("upgrade", "--release", release.version)
        assert told.stdout == f"{release.head}\n"
    assert shop.migrate("upgrade", "--release", "1.0.0").stdout == "0004\n"  # nothing is undone
    assert shop.migrate("upgrade", "head").stdout == "0004\n"


@pytest.mark.system
def test_the_way_back_that_cannot_run_says_why_and_keeps_the_schema(shop: LiveShop) -> None:
    assert shop.migrate("upgrade", "head").returncode == 0
    before = asyncio.run(_schema(shop.database))
    refused = shop.migrate("downgrade", "0002")
    assert refused.returncode == 1
    assert 'column "note" of relation "orders" contains null values' in refused.stderr
    assert "0004_drop_note.down.sql" in refused.stderr
    assert shop.migrate("current").stdout == "0004\n"
    assert asyncio.run(_schema(shop.database)) == before


@pytest.mark.system
def test_two_at_once_apply_each_step_once(shop: LiveShop) -> None:
    with ThreadPoolExecutor(3) as at_once:
        words = ("migrate", "upgrade", "head", "--database", shop.database)
        running = [at_once.submit(run, *words) for _ in range(3)]
        told = [one.result() for one in running]
    assert [(one.returncode, one.stdout) for one in told] == [(0, "0004\n")] * 3


@pytest.mark.system
def test_a_revision_nobody_wrote_is_refused_with_those_there_are(shop: LiveShop) -> None:
    refused = shop.migrate("downgrade", "0009")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "no revision '0009'; there are 0000, 0001, 0002, 0003, 0004" in refused.stderr


def test_without_a_database_it_says_so() -> None:
    gone = run("migrate", "current", "--database", "postgresql://nobody@127.0.0.1:1/none")
    assert gone.returncode == 1
    assert "cannot reach the database" in gone.stderr
    assert "Traceback" not in gone.stderr


def test_a_migration_without_its_way_back_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0001_orders.up.sql").write_text("SELECT 1")
    with pytest.raises(CannotMigrate, match=r"0001_orders\.down\.sql is missing"):
        found_in(tmp_path)
    with pytest.raises(CannotMigrate, match="no migrations"):
        found_in(tmp_path / "elsewhere")
