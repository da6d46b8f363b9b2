"""How long a fingerprint takes on 500 tables of ten columns, three indexes and two constraints.

Run it with `python -m tests.migrating.bench [TABLES]`. It starts a PostgreSQL of its own.
"""

import asyncio
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg

from goaround.embedded import EmbeddedPostgres
from goaround_migrating import difference, fingerprint
from tests.migrating.many_tables import many_tables

_ROUNDS = 5


async def measured(url: str, tables: int) -> None:
    """Print what making, reading and comparing the schema takes, in seconds."""
    connection = await asyncpg.connect(url)
    try:
        began = time.perf_counter()
        await connection.execute(many_tables(tables))
        print(f"made       {tables} tables in {time.perf_counter() - began:.2f} s")
        first = again = await fingerprint(connection)
        times: list[float] = []
        for _ in range(_ROUNDS):
            began = time.perf_counter()
            again = await fingerprint(connection)
            _ = again.digest
            times.append(time.perf_counter() - began)
        objects = sum(len(named) for named in again.objects.values())
        print(
            f"fingerprint of {objects} objects in {min(times):.2f} to {max(times):.2f} s "
            f"({_ROUNDS} rounds), {len(again.canonical()) / 1e6:.1f} MB of JSON"
        )
        began = time.perf_counter()
        assert difference(first, again) == ()
        print(f"difference {time.perf_counter() - began:.3f} s")
    finally:
        await connection.close()


def main() -> None:
    """Start a server, measure, and leave nothing behind."""
    tables = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with TemporaryDirectory(prefix="goaround-bench-") as root:
        server = EmbeddedPostgres(Path(root), durable=False, die_with_parent=True)
        try:
            server.start()
            asyncio.run(measured(server.create_database("bench"), tables))
        finally:
            server.erase()


if __name__ == "__main__":
    main()
