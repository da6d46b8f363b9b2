"""Looking at what a version would do to a schema. Nothing is changed but a scratch copy.

Whatever a tool or a database says becomes part of the answer. A worker that dies over it leaves
nothing behind: the command comes again, and all is looked at anew.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from goaround_chassis.clock import Clock
from goaround_chassis.publisher import Publisher
from goaround_deployer import tooling
from goaround_deployer.inspection import Found, inspected, judged, summary
from goaround_deployer.schemas import Schemas
from goaround_deployer.tooling import Ask, NotTold
from goaround_migrating import Fingerprint
from goaround_schemas.procedure import RehearsalResult, WorkInspect, WorkInspectData

log = structlog.get_logger(__name__)


class Rehearsals(Protocol):
    """Tries migrations on a scratch copy of the schema."""

    async def rehearse(self, data: WorkInspectData, /) -> RehearsalResult:
        """Return how it went; whatever goes wrong is a result."""
        ...


@dataclass(frozen=True)
class Inspector:
    """What looking at migrations needs of the world. `asking` makes an `Ask` for a run's values."""

    asking: Callable[[Mapping[str, str]], Ask]
    schemas: Schemas
    rehearsals: Rehearsals
    publisher: Publisher
    clock: Clock


async def on_inspect(command: WorkInspect, inspector: Inspector) -> None:
    """Look, and answer.

    Raises:
        Unavailable: The bus is away. Deliver the command again.
    """
    found = await _look(command.data, inspector)
    if command.data.rehearse and command.data.migrations.rehearse is not None:
        found = replace(found, rehearsal=await inspector.rehearsals.rehearse(command.data))
    answer = inspected(command, found, inspector.clock.now())
    log.info(
        "inspected",
        run=answer.data.run_id,
        outcome=answer.data.outcome,
        pending=len(answer.data.pending),
        rehearsal=answer.data.rehearsal.outcome if answer.data.rehearsal else None,
        reason=answer.data.reason,
    )
    await inspector.publisher.publish(answer)


async def on_uninspected(command: WorkInspect, why: str, inspector: Inspector) -> None:
    """Answer a command that is given up, so that no run waits for it."""
    found = Found(f"the deployer gave this command up: {why}", errored=True)
    await inspector.publisher.publish(inspected(command, found, inspector.clock.now()))


async def _look(data: WorkInspectData, inspector: Inspector) -> Found:
    migrations = data.migrations
    ask = inspector.asking(data.values)
    schema, unseen = await _fingerprint(data, inspector)
    digest = schema.digest if schema else None
    try:
        revision = await tooling.current(ask, migrations)
    except NotTold as error:
        said = f"could not ask where the schema is: {error.why}"
        return Found(_joined(said, unseen), errored=True, fingerprint=digest)
    if not migrations.can_be_judged:
        said = (
            f"at {revision}; what is pending is not known, for the guide does not say how its SQL "
            f"can be had (alembic:, files: or sql: in deploy.migrations)"
        )
        return Found(_joined(said, unseen), revision=revision, fingerprint=digest, judged=False)
    try:
        scripts = await tooling.pending(ask, migrations, revision)
    except NotTold as error:
        said = f"what is pending at {revision} is not known: {error.why}"
        return Found(_joined(said, unseen), errored=True, revision=revision, fingerprint=digest)
    types = schema.column_types() if schema else {}
    # Long texts take their time, and the server wants to hear meanwhile that we live.
    pending = await asyncio.to_thread(judged, scripts, types)
    return Found(
        _joined(summary(revision, pending), unseen),
        revision=revision,
        fingerprint=digest,
        pending=pending,
    )


async def _fingerprint(
    data: WorkInspectData, inspector: Inspector
) -> tuple[Fingerprint | None, str]:
    """Return the schema's fingerprint, or None and why there is none."""
    if data.migrations.database is None:
        return None, ""
    try:
        return await inspector.schemas.fingerprint(data.migrations), ""
    except NotTold as error:
        return None, error.why


def _joined(said: str, more: str) -> str:
    return f"{said}; {more}" if more else said
