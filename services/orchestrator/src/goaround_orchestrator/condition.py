"""What the orchestrator answers to who looks after the system: how it is, and its database.

It only looks. A database that is away is an answer too.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from goaround_chassis.clock import Clock
from goaround_orchestrator.ledger import ANSWERED_SOON, Away, Condition, Ledger
from goaround_orchestrator.replies import Answer, answering
from goaround_orchestrator.run import Run, What
from goaround_orchestrator.sweeper import LastLook
from goaround_schemas import api
from goaround_schemas.duration import show_duration
from goaround_schemas.envelope import Payload

OVERDUE = timedelta(minutes=1)
"""So long a sweeper may take to look at a run that is due, at worst."""
MANY_LETTERS = 5
"""A command that was sent so often has had no answer for seven minutes and a half."""
SILENT = timedelta(seconds=450)
AS_LONG_AS_IT_TAKES = frozenset({What.DEPLOY, What.ROLL_BACK, What.WATCH})
"""Orders that last as long as the guide says: their deadline tells, not the silence."""
MOST_STUCK = 20
_MOST_LOOKED_AT = 500


@dataclass(frozen=True, slots=True)
class ConditionAnswers:
    """The one subject of `api.>` that is about the system itself."""

    ledger: Ledger
    clock: Clock
    last_look: LastLook

    def by_subject(self) -> dict[str, Answer]:
        """Subject to a function from the request's bytes to the reply's."""
        return {api.SYSTEM_STATUS: answering(api.Nothing, self._status)}

    async def _status(self, query: api.Nothing) -> Payload:
        del query
        now = self.clock.now()
        known = {"at": now, "swept_at": self.last_look.at, "sweep_every_s": self.last_look.every_s}
        try:
            found = await self.ledger.condition()
            lingering = await self.ledger.lingering(now - OVERDUE, now - SILENT, _MOST_LOOKED_AT)
        except Away as away:
            return api.SystemStatus.model_validate({**known, "database_error": str(away)})
        stuck = [_stuck(run, why) for run in lingering if (why := why_stuck(run, now))]
        database = database_status(found, stuck[:MOST_STUCK])
        return api.SystemStatus.model_validate({**known, "database": database})


def why_stuck(run: Run, now: datetime) -> str | None:
    """Return why a run does not go on as it should, or None. Pure."""
    if run.deadline is not None and now - run.deadline > OVERDUE:
        return f"{_length(now - run.deadline)} past its deadline, and nobody has acted on it"
    if run.due_at is not None and now - run.due_at > OVERDUE:
        return f"should have been looked at {_length(now - run.due_at)} ago"
    silent = [
        p for p in run.pending if p.sent >= MANY_LETTERS and p.order.what not in AS_LONG_AS_IT_TAKES
    ]
    if silent and run.phase in ANSWERED_SOON:
        what = ", ".join(sorted({p.order.what.replace("_", " ") for p in silent}))
        return f"no answer to: {what}, asked for {max(p.sent for p in silent)} times"
    return None


def database_status(found: Condition, stuck: list[api.StuckRun]) -> api.DatabaseStatus:
    """Return what is answered of the database. Pure."""
    since = found.waiting_since
    return api.DatabaseStatus(
        at=found.at,
        schema_version=found.schema,
        schema_known=found.known,
        outbox_waiting=found.waiting,
        outbox_oldest_s=(found.at - since).total_seconds() if since else 0.0,
        parked=found.parked,
        parked_last=found.parked_last,
        runs=found.runs,
        live=dict(found.live),
        stuck=tuple(stuck),
    )


def _stuck(run: Run, why: str) -> api.StuckRun:
    return api.StuckRun(
        run_id=run.id,
        service=run.service,
        environment=run.environment,
        phase=run.phase,
        since=run.phase_since,
        why=why,
    )


def _length(of: timedelta) -> str:
    return show_duration(timedelta(seconds=round(of.total_seconds())))
