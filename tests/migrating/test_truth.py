"""What the classifier says of columns, held against what PostgreSQL does to real rows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from goaround.embedded import EmbeddedPostgres
from goaround_migrating import Kind, classify, fingerprint
from tests.migrating.corpus import COLUMNS, RETYPED, TYPES, Case

if TYPE_CHECKING:
    Connection = asyncpg.Connection[Any]

pytestmark = pytest.mark.system

ROW = {
    "id": "1", "quantity": "2147483647", "note": "'abc'", "remark": "'far'", "code": "'ab'",
    "total": "12345678.90", "weight": "0.1", "placed": "'2026-10-25 02:30:00.123456'",
    "shipped": "'2026-10-25 02:30:00+02'", "due": "'2026-01-02'", "extra": """'{"b":1,"a":2}'""",
    "more": """'{"b": 1}'""", "tags": "'{a,b}'", "mood": "'ok'",
}  # fmt: skip
# These ask for what the table does not have.
ELSEWHERE = ("elsewhere", "spirits", " id ", "gross DROP", "gross SET", "SET GENERATED")
CASES = [
    case
    for case in (*COLUMNS, *RETYPED)
    if case.sql.startswith("ALTER TABLE orders") and not any(w in case.sql for w in ELSEWHERE)
]


@pytest.fixture(scope="module")
def url(postgres: EmbeddedPostgres) -> str:
    return postgres.create_database("migration_truth")


@pytest.fixture
async def orders(url: str) -> AsyncIterator[Connection]:
    connection: Connection = await asyncpg.connect(url)
    transaction = connection.transaction()
    await transaction.start()
    try:
        columns = ", ".join(f"{name.partition('.')[2]} {kind}" for name, kind in TYPES.items())
        await connection.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')")
        await connection.execute(f"CREATE TABLE orders ({columns})")
        await connection.execute(
            f"INSERT INTO orders ({', '.join(ROW)}) VALUES ({', '.join(ROW.values())})"
        )
        yield connection
    finally:
        await transaction.rollback()
        await connection.close()


async def file_of(connection: Connection) -> int:
    found = await connection.fetchval("SELECT pg_relation_filenode('orders')")
    assert isinstance(found, int)
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.sql[19:70])
async def test_every_row_is_written_anew_where_it_is_said_and_nowhere_else(
    orders: Connection, case: Case
) -> None:
    (said,) = classify(case.sql, types=(await fingerprint(orders)).column_types()).statements
    before = await file_of(orders)
    # No narrower type has room for the total; a NOT NULL without a default refuses any row.
    await orders.execute("UPDATE orders SET total = 1")
    if "NOT NULL without a default" in said.reason:
        await orders.execute("DELETE FROM orders")
    # In UTC, PostgreSQL knows that a timestamp with a zone is the same number.
    await orders.execute("SET LOCAL timezone = 'Europe/Berlin'")
    await orders.execute(case.sql)
    assert (await file_of(orders) != before) == said.blocking.startswith("every row is written")


@pytest.mark.parametrize(
    "case", [c for c in RETYPED if c in CASES and c.kind is Kind.REVERSIBLE], ids=lambda c: c.sql
)
async def test_a_change_of_type_that_is_said_to_be_reversible_gives_every_value_back(
    orders: Connection, case: Case
) -> None:
    name = case.sql.split()[5]
    was, rows = TYPES[f"orders.{name}"], f"SELECT {name}::text FROM orders"
    before, start = await orders.fetchval(rows), await fingerprint(orders)
    await orders.execute(case.sql)
    await orders.execute(f"ALTER TABLE orders ALTER COLUMN {name} TYPE {was} USING {name}::{was}")
    assert await orders.fetchval(rows) == before
    assert await fingerprint(orders) == start
