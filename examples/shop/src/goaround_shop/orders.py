"""Orders in Postgres, as one release sees them. It never changes the schema: see `migrate`."""

from __future__ import annotations  # asyncpg's classes are generic in its stubs alone

import asyncpg

from goaround_shop.releases import Flaw, Release

CONNECTIONS = 8
SLOWEST_QUERY_S = 5.0
LISTED = 20
DISCOUNT_FROM = 10
"""So many pieces of one item, and a tenth comes off."""

Unavailable = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""What the database's absence or refusal looks like from here."""


class Orders:
    """The table `orders` through the eyes of one release."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], release: Release) -> None:
        self._pool = pool
        self._release = release
        self._has_discount = "discount_cents" in release.columns
        writes = ["item", "quantity", "unit_cents"]
        if self._has_discount:
            writes.append("discount_cents")
        if "note" in release.columns or Flaw.WRITES_A_DROPPED_COLUMN in release.flaws:
            writes.append("note")
        values = ", ".join(f"${place}" for place in range(1, len(writes) + 1))
        discount = "discount_cents" if self._has_discount else "0"
        shown = f"id, item, quantity, quantity * unit_cents - {discount} AS total_cents"
        self._writes = writes
        self._place = (
            f"INSERT INTO orders ({', '.join(writes)}) VALUES ({values}) RETURNING {shown}"
        )
        self._list = f"SELECT {shown} FROM orders ORDER BY id DESC LIMIT {LISTED}"
        self._get = f"SELECT {shown} FROM orders WHERE id = $1"
        self._probe = f"SELECT {', '.join(release.columns)} FROM orders LIMIT 0"

    async def place(
        self, item: str, quantity: int, unit_cents: int, note: str
    ) -> dict[str, object]:
        """Store an order and return it as stored."""
        discount = quantity * unit_cents // 10 if quantity >= DISCOUNT_FROM else 0
        row = {
            "item": item,
            "quantity": quantity,
            "unit_cents": unit_cents,
            "discount_cents": discount,
            "note": note,
        }
        stored = await self._pool.fetchrow(self._place, *(row[name] for name in self._writes))
        assert stored is not None  # an INSERT ... RETURNING of one row returns one
        return dict(stored)

    async def newest(self) -> list[dict[str, object]]:
        """Return the newest orders, newest first."""
        return [dict(row) for row in await self._pool.fetch(self._list)]

    async def get(self, order: int) -> dict[str, object] | None:
        """Return one order, None if there is none of that number."""
        row = await self._pool.fetchrow(self._get, order)
        return None if row is None else dict(row)

    async def misfit(self) -> str | None:
        """Return why the schema does not fit this release; None if it does.

        Asks for the very columns the release uses: an older release fits a newer schema as long as
        nothing it needs was taken away.
        """
        try:
            await self._pool.execute(self._probe)
        except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
            return f"schema does not fit release {self._release.version}: {error}"
        return None

    async def ping(self) -> None:
        """Return when the database answered."""
        await self._pool.execute("SELECT 1")


async def open_pool(database: str) -> asyncpg.Pool[asyncpg.Record]:
    """Return a pool that connects when first used, so that a start never waits for the database."""
    return await asyncpg.create_pool(
        database,
        min_size=0,
        max_size=CONNECTIONS,
        command_timeout=SLOWEST_QUERY_S,
        timeout=SLOWEST_QUERY_S,
        server_settings={"application_name": "goaround-shop"},
    )
