"""What a rehearsal of a large schema costs, and what a fingerprint of it does.

Run it with `python -m tests.bench.rehearsal [TABLES]`. It starts a PostgreSQL of its own, which
writes nothing to disk for safety; tables have ten columns, three indexes and two constraints.
"""

import asyncio
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from goaround.embedded import EmbeddedPostgres
from goaround_migrating import fingerprint
from goaround_migrating.rehearsing import Rehearsed, rehearse
from tests.migrating.many_tables import many_tables
from tests.migrating.sql_tool import SqlTool, Step

_PER_REHEARSAL_S = 60.0
_PER_FINGERPRINT_S = 2.0
_ROUNDS = 3


async def measured(source: str, server: str, tables: int) -> bool:
    """Print the seconds, and return whether they are within what is promised for 500 tables."""
    first = Step("01", many_tables(tables))
    await SqlTool(first).apply(source)
    change = Step(
        "02",
        "ALTER TABLE t0001 ADD COLUMN note text; CREATE INDEX t0001_note ON t0001 (note)",
        "ALTER TABLE t0001 DROP COLUMN note",
    )
    looks: list[float] = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        _ = (await fingerprint(source)).digest
        looks.append(time.perf_counter() - began)
    print(f"fingerprint of {tables} tables in {min(looks):.2f} to {max(looks):.2f} s")
    whole: list[float] = []
    for _ in range(_ROUNDS):
        found: Rehearsed[None] = await rehearse(
            source, server, SqlTool(first, change), name="bench"
        )
        assert found.outcome == "passed", found.reason
        whole.append(found.seconds)
    print(f"rehearsal of {tables} tables in {min(whole):.1f} to {max(whole):.1f} s: up, down, up")
    return max(whole) < _PER_REHEARSAL_S and max(looks) < _PER_FINGERPRINT_S


def main() -> int:
    """Start a server, measure, and leave nothing behind."""
    tables = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with TemporaryDirectory(prefix="goaround-bench-") as root:
        server = EmbeddedPostgres(Path(root), durable=False, die_with_parent=True)
        try:
            server.start()
            source = server.create_database("bench")
            good = asyncio.run(measured(source, server.dsn("postgres"), tables))
        finally:
            server.erase()
    print(f"promised: under {_PER_REHEARSAL_S:.0f} s and under {_PER_FINGERPRINT_S:.0f} s")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
