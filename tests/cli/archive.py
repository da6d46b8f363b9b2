"""Answers for recorded evidence as an orchestrator does, from what a test puts there."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from goaround.reach import bus_at
from goaround_judge import Evidence, judge
from goaround_judge.recording import write
from goaround_judge.rewatching import ended_at
from goaround_schemas import api
from goaround_schemas.envelope import Payload
from goaround_schemas.phase import Phase
from tests import builders

Q = TypeVar("Q", bound=Payload)


@dataclass
class Archive:
    """Runs, their verdicts and recordings, and the labels that were given."""

    rows: list[api.EvidenceRow] = field(default_factory=list[api.EvidenceRow])
    recordings: dict[str, str] = field(default_factory=dict[str, str])
    runs: list[api.RunRow] = field(default_factory=list[api.RunRow])
    details: dict[str, api.RunDetail] = field(default_factory=dict[str, api.RunDetail])
    labels: list[api.LabelRequest] = field(default_factory=list[api.LabelRequest])
    asked: list[api.EvidenceQuery] = field(default_factory=list[api.EvidenceQuery])

    def keep(
        self, evidence: Evidence, run_id: str, text: str | None = None, **changes: object
    ) -> api.EvidenceRow:
        """Keep a watch as the orchestrator would, one run after the other."""
        verdict = judge(evidence)
        number = len(self.rows)
        switched = builders.at(3600 * number)
        row = api.EvidenceRow.model_validate(
            {
                "evidence_id": f"e{number}",
                "run_id": run_id,
                "service": "shop",
                "environment": "prod",
                "version": f"1.{number}.0",
                "stage": "all",
                "judged_at": switched + timedelta(seconds=ended_at(evidence)),
                "switched_at": switched,
                "colour": verdict.colour.value,
                "action": verdict.action.value,
                "looks": 7,
                "judge_version": verdict.judge_version,
                "phase": Phase.SUCCEEDED,
                **changes,
            }
        )
        self.rows.append(row)
        self.recordings[row.evidence_id] = write(evidence, verdict) if text is None else text
        return row

    def list_(self, query: api.EvidenceQuery) -> Payload:
        """Return a page of verdicts, newest first."""
        self.asked.append(query)
        rows = [
            row
            for row in sorted(self.rows, key=lambda row: row.judged_at, reverse=True)
            if query.service in (None, row.service) and query.environment in (None, row.environment)
        ]
        ids = [row.evidence_id for row in rows]
        first = ids.index(query.after) + 1 if query.after else 0
        return api.EvidenceList(rows=tuple(rows[first : first + query.limit]))

    def evidence(self, query: api.RunEvidenceQuery) -> Payload:
        """Return a run's verdicts, and one recording."""
        rows = tuple(row for row in self.rows if row.run_id == query.run_id)
        wanted = query.evidence_id or (rows[-1].evidence_id if rows else None)
        return api.RunEvidence(
            verdicts=rows,
            evidence_id=wanted,
            recording=self.recordings.get(wanted) if wanted else None,
        )

    def label(self, request: api.LabelRequest) -> Payload:
        """Keep a label."""
        self.labels.append(request)
        return api.Accepted(run_id=request.run_id, what=f"run {request.run_id} is {request.label}")

    def list_runs(self, query: api.RunsQuery) -> Payload:
        """Return runs, newest first."""
        found = [run for run in self.runs if not query.before or run.requested_at < query.before]
        return api.RunList(runs=tuple(found[: query.limit]))

    def detail(self, query: api.RunQuery) -> Payload:
        """Return one run."""
        return self.details[query.run_id]


def _answer(query: type[Q], answer: Callable[[Q], Payload]) -> Callable[[bytes], Awaitable[bytes]]:
    async def said(body: bytes) -> bytes:
        try:
            data = answer(query.model_validate_json(body))
        except KeyError as error:
            refusal = api.Reply[Any](ok=False, error=f"no run has the id {error}")
            return refusal.model_dump_json().encode()
        return api.Reply[Any](ok=True, data=data).model_dump_json(by_alias=True).encode()

    return said


@contextmanager
def answering(archive: Archive, url: str) -> Generator[None]:
    """Have the archive answer on the bus at a URL, from a thread of its own."""
    ready, done = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with bus_at(url, name="archive") as bus:
            await bus.answer(api.EVIDENCE_LIST, _answer(api.EvidenceQuery, archive.list_))
            await bus.answer(api.RUNS_EVIDENCE, _answer(api.RunEvidenceQuery, archive.evidence))
            await bus.answer(api.RUNS_LABEL, _answer(api.LabelRequest, archive.label))
            await bus.answer(api.RUNS_LIST, _answer(api.RunsQuery, archive.list_runs))
            await bus.answer(api.RUNS_GET, _answer(api.RunQuery, archive.detail))
            ready.set()
            await done.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), name="archive")
    thread.start()
    assert ready.wait(10)
    try:
        yield
    finally:
        loops[0].call_soon_threadsafe(done.set)
        thread.join(10)
