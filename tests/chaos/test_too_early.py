"""What chaos found, and must not find again: a service that is there before its server."""

import asyncio
import os
import signal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from goaround.embedded import EmbeddedPostgres
from goaround_orchestrator.store import PostgresLedger

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("chaos")]


async def test_an_orchestrator_that_is_there_before_its_database_waits_for_it() -> None:
    with TemporaryDirectory(prefix="goaround-test-") as root:
        server = EmbeddedPostgres(Path(root), durable=False, die_with_parent=True)
        try:
            dsn = await asyncio.to_thread(server.start)
            pid = server.pid()
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            connecting = asyncio.create_task(PostgresLedger.connect(dsn, 2))
            done, _ = await asyncio.wait({connecting}, timeout=0.5)
            assert not done, "it gave up"
            await asyncio.to_thread(server.start)
            ledger = await asyncio.wait_for(connecting, 20)
            assert await ledger.pool.fetchval("select 1") == 1
            await ledger.close()
        finally:
            await asyncio.to_thread(server.erase)
