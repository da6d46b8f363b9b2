"""Answers for rehearsals and corrections as an orchestrator does, over a ledger in memory."""

import asyncio
import json
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from structlog.testing import capture_logs

from goaround.reach import bus_at
from goaround_chassis.clock import SystemClock
from goaround_orchestrator.answers import Answers
from goaround_orchestrator.memory import MemoryLedger
from goaround_orchestrator.proving import ProvingAnswers
from goaround_schemas import proving
from goaround_schemas.guide import Guide
from goaround_schemas.outcome import GuideCorrection
from goaround_schemas.phase import Phase
from goaround_schemas.procedure import PendingMigration, RehearsalResult
from goaround_schemas.proving import CorrectionQuery, CorrectionRow, RehearsalRow
from tests import builders
from tests.orchestrator import builders as build
from tests.orchestrator.office import Shelf

REHEARSE = {"server": "${env:SCRATCH_URL}"}


def guide() -> Guide:
    """A guide of checkout whose migrations can be rehearsed."""
    document = builders.guide().model_dump(mode="json", exclude_unset=True)
    migrations = {"database": "${env:DATABASE_URL}", "database_env": "DATABASE_URL"}
    document["deploy"]["migrations"] |= {**migrations, "rehearse": REHEARSE}
    return Guide.model_validate(document)


@dataclass
class Bureau:
    """What is on record, and how rehearsals will go that are asked for."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    result: RehearsalResult | None = None
    """None: the deployer never answers."""
    migrations: tuple[PendingMigration, ...] = ()
    started: list[proving.RehearseRequest] = field(default_factory=list[proving.RehearseRequest])
    looks: int = 0

    def propose(
        self, *corrections: GuideCorrection, run_id: str = "r-1", service: str = "checkout"
    ) -> None:
        """Have a run propose these."""

        async def proposed() -> None:
            async with self.ledger.unit() as unit:
                said = (service, "prod", run_id, f"{service}.yaml", corrections)
                await unit.proposed(*said, datetime.now(UTC))

        asyncio.run(proposed())

    def ran(self, run_id: str, guide_digest: str) -> None:
        """Have a run on record that followed the guide with this digest."""

        async def added() -> None:
            async with self.ledger.unit() as unit:
                run = build.in_phase(Phase.SUCCEEDED, id=run_id, guide_digest=guide_digest)
                assert await unit.add(run)

        asyncio.run(added())

    def correction(self, id_: str) -> CorrectionRow:
        """How a correction stands."""
        query = CorrectionQuery(correction_id=id_, state=None)
        (row,) = asyncio.run(self.ledger.corrections(query))
        return row

    async def start(self, body: bytes, answer: Any) -> bytes:
        """Have a rehearsal asked for."""
        said: bytes = await answer(body)
        if json.loads(said)["ok"]:
            self.started.append(proving.RehearseRequest.model_validate_json(body))
        return said

    async def look(self, body: bytes, answer: Any) -> bytes:
        """List rehearsals; the deployer answers between the first and the second look."""
        query = proving.RehearsalQuery.model_validate_json(body)
        self.looks += 1
        if query.rehearsal_id and self.looks == 2 and self.result is not None:
            asked = self.started[-1]
            async with self.ledger.unit() as unit:
                await unit.rehearsed(
                    RehearsalRow(
                        rehearsal_id=query.rehearsal_id,
                        service=asked.service,
                        environment=asked.environment,
                        version=asked.version,
                        result=self.result,
                        migrations=self.migrations,
                    )
                )
        said: bytes = await answer(body)
        return said

    def keep(self, rows: Sequence[RehearsalRow]) -> None:
        """Have these rehearsals on record."""

        async def kept() -> None:
            async with self.ledger.unit() as unit:
                for row in rows:
                    await unit.rehearsed(row)

        asyncio.run(kept())


@contextmanager
def answering(bureau: Bureau, url: str) -> Generator[None]:
    """Have the bureau answer on the bus at a URL, from a thread of its own."""
    ready, done = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []
    known = (bureau.ledger, Shelf(guide()), SystemClock())
    subjects = Answers(*known).by_subject() | ProvingAnswers(*known).by_subject()
    start, look = subjects[proving.REHEARSALS_START], subjects[proving.REHEARSALS_LIST]
    subjects[proving.REHEARSALS_START] = lambda body: bureau.start(body, start)
    subjects[proving.REHEARSALS_LIST] = lambda body: bureau.look(body, look)

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with bus_at(url, name="bureau") as bus:
            for subject, answer in subjects.items():
                await bus.answer(subject, answer)
            ready.set()
            await done.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), name="bureau")
    thread.start()
    assert ready.wait(10)
    try:
        # What an orchestrator logs is not part of what the command says.
        with capture_logs():
            yield
    finally:
        loops[0].call_soon_threadsafe(done.set)
        thread.join(10)
