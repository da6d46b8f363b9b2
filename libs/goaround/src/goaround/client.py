"""The Python client: ask for deployments over the bus, follow them, decide on them.

Everything the command line does, it does with this. It keeps nothing; the system does.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack
from uuid import uuid4

from goaround.asking import user_name, valid
from goaround.errors import Refused, Unreachable
from goaround.handle import RunHandle, follow
from goaround.history import told
from goaround.place import url_of
from goaround.proving import Proving
from goaround.reach import CONNECT_S, bus_at, heard
from goaround.repeat import may_be_the_same
from goaround_chassis.bus import Bus
from goaround_schemas import api
from goaround_schemas.catalogue import AnyEvent
from goaround_schemas.guide.step import Loss
from goaround_schemas.phase import Phase
from goaround_schemas.request import DeployRequested, DeployRequestedData

# How far the clocks of the orchestrator and of the bus may differ before a follower misses events.
_SKEW = timedelta(minutes=5)
_PAGE = 200


class Who(TypedDict, total=False):
    """Who decides on a run, and why. Absent: the user of this process, without a reason."""

    requested_by: str | None
    reason: str | None
    groups: tuple[str, ...]


@asynccontextmanager
async def connect(
    url: str | None = None,
    *,
    root: Path | None = None,
    name: str = "client",
    within_s: float = CONNECT_S,
) -> AsyncGenerator["Goaround"]:
    """Connect to the bus: by URL, by GOAROUND_URL, or to what `goaround up` started here.

        async with goaround.connect() as g:
            for run in await g.runs(active=True):
                print(run.run_id, run.phase)

    Raises:
        Unreachable: Nothing is there, or it lets us not in.
    """
    async with bus_at(url_of(url, root), name=name, within_s=within_s) as bus:
        client = Goaround(bus, name)
        try:
            yield client
        finally:
            await client.close()


class Goaround(Proving):
    """The system, as one who uses it sees it. Made by `connect`.

    Every method may raise `Unreachable`; those that ask for something also `Refused`, with the
    reason in words.
    """

    def __init__(self, bus: Bus, name: str = "client") -> None:
        super().__init__(bus)
        self._name = name
        self._handles: list[RunHandle] = []

    async def deploy(
        self,
        service: str,
        version: str,
        *,
        environment: str,
        requested_by: str | None = None,
        reason: str | None = None,
        run_id: str | None = None,
        artifact: str | None = None,
        watch_period: str | timedelta | None = None,
        emergency: bool = False,
        redeploy: bool = False,
        allow: Sequence[Loss] = (),
    ) -> RunHandle:
        """Ask for a version, and return once the request is kept for good.

        `run_id` is your idempotency key: the same request again is the same run. `watch_period`
        is a length of time (`5m`); the guide's own if absent. An emergency needs a reason, and so
        does what migrations are let do although no way back makes it good (`allow`).

        Raises:
            BadRequest: It is no request: a service name with a space, say.
            Unreachable: It was not confirmed. With a `run_id`, simply ask again.
        """
        return await self._request(
            run_id,
            kind="deploy",
            service=service,
            environment=environment,
            version=version,
            requested_by=requested_by or user_name(),
            reason=reason,
            artifact=artifact,
            watch_period=watch_period,
            emergency=emergency,
            redeploy=redeploy,
            allow=tuple(allow),
        )

    async def rollback(
        self,
        service: str,
        *,
        environment: str,
        requested_by: str | None = None,
        reason: str | None = None,
        run_id: str | None = None,
    ) -> RunHandle:
        """Ask for the way back from what runs now, as a run of its own.

        A run that is under way is turned round with `turn_back`.

        Raises:
            BadRequest: It is no request.
        """
        return await self._request(
            run_id,
            kind="rollback",
            service=service,
            environment=environment,
            requested_by=requested_by or user_name(),
            reason=reason,
        )

    async def follow(self, run_id: str) -> RunHandle:
        """Return a handle of a run that was asked for elsewhere; its events come from the first."""
        run = (await self.run(run_id)).run
        since = run.requested_at - _SKEW
        return await self._follow(run.run_id, run.service, run.environment, since=since)

    async def events(
        self, *, since: datetime | None = None, follow: bool = True
    ) -> AsyncIterator[AnyEvent]:
        """Yield every event of every run in order, from a time or from now on, without end.

        With `follow=False` it ends where the history ends now. `RunHandle.events` has those of one
        run.
        """
        async with aclosing(told(self._bus, since=since, follow=follow)) as events:
            async for event in events:
                yield event

    async def runs(
        self,
        *,
        service: str | None = None,
        environment: str | None = None,
        phase: Phase | None = None,
        active: bool = False,
        limit: int = 20,
        before: datetime | None = None,
        after: str | None = None,
    ) -> tuple[api.RunRow, ...]:
        """Return runs, newest first; `limit` is 500 at most.

        For the next page, `before` and `after` are the last row's `requested_at` and `run_id`.
        """
        query = valid(
            api.RunsQuery,
            service=service,
            environment=environment,
            phase=phase,
            active=active,
            limit=limit,
            before=before,
            after=after,
        )
        return (await self._ask(api.RUNS_LIST, query, api.RunList)).runs

    async def run(self, run_id: str) -> api.RunDetail:
        """Return all that is known of a run."""
        return await self._ask(api.RUNS_GET, api.RunQuery(run_id=run_id), api.RunDetail)

    async def abort(self, run_id: str, **who: Unpack[Who]) -> api.Accepted:
        """Call a run off; once it has changed something, it goes around."""
        return await self._decide(api.RUNS_ABORT, run_id, **who)

    async def approve(self, run_id: str, **who: Unpack[Who]) -> api.Accepted:
        """Say yes to a run that waits for approval, as a member of `groups`."""
        return await self._decide(api.RUNS_APPROVE, run_id, **who)

    async def resume(self, run_id: str, **who: Unpack[Who]) -> api.Accepted:
        """Have a held run watched on; go on with a way back that failed, as a run of its own."""
        return await self._decide(api.RUNS_RESUME, run_id, **who)

    async def promote(self, run_id: str, **who: Unpack[Who]) -> api.Accepted:
        """Accept a held run as it is."""
        return await self._decide(api.RUNS_PROMOTE, run_id, **who)

    async def turn_back(self, run_id: str, **who: Unpack[Who]) -> api.Accepted:
        """Have a run that is under way go around now."""
        return await self._decide(api.RUNS_ROLLBACK, run_id, **who)

    async def label(
        self,
        run_id: str,
        label: Literal["good", "bad"],
        *,
        because: str,
        requested_by: str | None = None,
    ) -> api.Accepted:
        """Say how a deployment really was, whatever the verdict on it; the newest word counts.

        Raises:
            BadRequest: No reason is given.
        """
        request = valid(
            api.LabelRequest,
            run_id=run_id,
            label=label,
            because=because,
            actor=requested_by or user_name(),
        )
        return await self._ask(api.RUNS_LABEL, request, api.Accepted)

    async def evidence(self, run_id: str, evidence_id: str | None = None) -> api.RunEvidence:
        """Return every verdict of a run, and the recording of one; of the last if none is named."""
        query = api.RunEvidenceQuery(run_id=run_id, evidence_id=evidence_id)
        return await self._ask(api.RUNS_EVIDENCE, query, api.RunEvidence)

    async def verdicts(
        self,
        *,
        service: str | None = None,
        environment: str | None = None,
        since: datetime | None = None,
    ) -> AsyncIterator[api.EvidenceRow]:
        """Yield every verdict whose evidence is kept, newest first, a page at a time."""
        after: str | None = None
        while True:
            query = valid(
                api.EvidenceQuery,
                service=service,
                environment=environment,
                since=since,
                limit=_PAGE,
                after=after,
            )
            rows = (await self._ask(api.EVIDENCE_LIST, query, api.EvidenceList)).rows
            for row in rows:
                yield row
            if len(rows) < _PAGE:
                return
            after = rows[-1].evidence_id

    async def services(
        self, *, service: str | None = None, environment: str | None = None
    ) -> tuple[api.RunningRow, ...]:
        """Return what runs where, as far as the record knows."""
        query = valid(api.ServiceQuery, service=service, environment=environment)
        return (await self._ask(api.SERVICES_LIST, query, api.RunningList)).running

    async def adopt(
        self,
        service: str,
        version: str,
        *,
        environment: str,
        requested_by: str | None = None,
        reason: str | None = None,
    ) -> api.Accepted:
        """Put on record what has been running since before goaround came."""
        request = valid(
            api.AdoptRequest,
            service=service,
            environment=environment,
            version=version,
            actor=requested_by or user_name(),
            reason=reason,
        )
        return await self._ask(api.SERVICES_ADOPT, request, api.Accepted)

    async def check_guide(self, service: str) -> api.GuideFaults:
        """Return what is wrong with the guide that the system itself has of a service."""
        return await self._ask(api.GUIDES_CHECK, api.GuideQuery(service=service), api.GuideFaults)

    async def plan(self, service: str, version: str, *, environment: str) -> api.Plan:
        """Return what would be done for a version, without doing it."""
        query = valid(api.PlanQuery, service=service, environment=environment, version=version)
        return await self._ask(api.GUIDES_PLAN, query, api.Plan)

    async def status(self) -> api.SystemStatus:
        """Return how the orchestrator is that answers, and its database."""
        return await self._ask(api.SYSTEM_STATUS, api.Nothing(), api.SystemStatus)

    async def close(self) -> None:
        """Stop following; the runs go on."""
        for handle in self._handles:
            await handle.close()
        self._handles.clear()

    async def _request(self, run_id: str | None, **fields: Any) -> RunHandle:
        data = valid(DeployRequestedData, run_id=run_id or new_run_id(), **fields)
        asked = DeployRequested(
            source=self._name, subject=data.run_id, correlationid=data.run_id, data=data
        )
        known = await self._known(run_id) if run_id else None
        since = known.run.requested_at - _SKEW if known and may_be_the_same(known, data) else None
        # Before the request goes out, so that nothing of its run is missed.
        handle = await self._follow(
            data.run_id, data.service, data.environment, since=since, cause=asked.id
        )
        await heard(self._bus.publish(asked))
        return handle

    async def _known(self, run_id: str) -> api.RunDetail | None:
        """The run that has this id already, as far as anyone says."""
        try:
            return await self.run(run_id)
        except (Refused, Unreachable):
            return None

    async def _follow(
        self,
        run_id: str,
        service: str,
        environment: str,
        *,
        since: datetime | None = None,
        cause: str | None = None,
    ) -> RunHandle:
        handle = await heard(
            follow(self._bus, run_id, service, environment, since=since, cause=cause)
        )
        self._handles.append(handle)
        return handle

    async def _decide(self, subject: str, run_id: str, **who: Unpack[Who]) -> api.Accepted:
        request = valid(
            api.RunRequest,
            run_id=run_id,
            actor=who.get("requested_by") or user_name(),
            reason=who.get("reason"),
            groups=who.get("groups", ()),
        )
        return await self._ask(subject, request, api.Accepted)


def new_run_id() -> str:
    """Return an id that no other run has."""
    return "r" + uuid4().hex[:11]
