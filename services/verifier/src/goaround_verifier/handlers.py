"""What the verifier does with its one command. A repeat asks again and answers under the same id.

A process that dies before its answer is kept leaves the command on the bus: the next one asks
everything anew, which changes nothing but the time.
"""

from typing import Protocol

import structlog

from goaround_chassis.publisher import Publisher
from goaround_schemas.envelope import Message, derived_id
from goaround_schemas.matrix import (
    DeployVerified,
    DeployVerifiedData,
    Matrix,
    WorkVerify,
    WorkVerifyData,
)
from goaround_verifier.matrix import given_up

log = structlog.get_logger(__name__)

SOURCE = "verifier"


class Examines(Protocol):
    """Who finds out what a matrix says."""

    async def examine(self, asked: WorkVerifyData) -> Matrix:
        """Return the matrix, a row for each question; it always ends."""
        ...


async def on_verify(command: WorkVerify, examiner: Examines, publisher: Publisher) -> None:
    """Run the matrix and answer."""
    matrix = await examiner.examine(command.data)
    await publisher.publish(answer(command, matrix))
    log.info(
        "verified",
        run=command.data.run_id,
        kind=matrix.kind,
        of=matrix.of,
        outcome=matrix.outcome,
        rows=len(matrix.rows),
        not_passed=[row.name for row in matrix.rows if row.outcome != "passed"][:10],
    )


async def on_dead(command: Message, why: str, publisher: Publisher) -> None:
    """Answer a command that will not be tried again: a run must not wait for a worker's faults."""
    if isinstance(command, WorkVerify):
        await publisher.publish(answer(command, given_up(command.data, why)))


def answer(command: WorkVerify, matrix: Matrix) -> DeployVerified:
    """The one answer to a command, under an id that follows from the command's."""
    asked = command.data
    return DeployVerified(
        id=derived_id(command.id, "deploy.verified"),
        source=SOURCE,
        subject=asked.run_id,
        correlationid=command.correlationid,
        causationid=command.id,
        traceparent=command.traceparent,
        data=DeployVerifiedData(
            run_id=asked.run_id,
            service=asked.service,
            environment=asked.environment,
            matrix=matrix,
        ),
    )
