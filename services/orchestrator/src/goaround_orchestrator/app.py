"""How the orchestrator is put together. The only place that constructs."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

from goaround_chassis.bus import Bus, Received, Subscription
from goaround_chassis.clock import SystemClock
from goaround_chassis.errors import Later
from goaround_chassis.service import Answer as Served
from goaround_chassis.service import Service
from goaround_orchestrator.answers import Answers
from goaround_orchestrator.condition import ConditionAnswers
from goaround_orchestrator.evidence import on_evidence
from goaround_orchestrator.handlers import on_answer, on_answers, on_request, on_requests
from goaround_orchestrator.ledger import Away
from goaround_orchestrator.lifecycle import Answer
from goaround_orchestrator.proving import ProvingAnswers
from goaround_orchestrator.relay import relay
from goaround_orchestrator.settings import OrchestratorSettings
from goaround_orchestrator.shelf import DirectoryGuides
from goaround_orchestrator.store import PostgresLedger, PostgresPost, schema_fits
from goaround_orchestrator.sweeper import LastLook, sweep
from goaround_schemas.matrix import DeployVerified
from goaround_schemas.notice import DeployNotified
from goaround_schemas.procedure import DeployExecuted, DeployInspected
from goaround_schemas.recording import DeployRecorded
from goaround_schemas.subjects import DEPLOY
from goaround_schemas.watching import DeployBaselined, DeployEvidenced, DeployJudged

_AWAY_AGAIN = timedelta(seconds=2)
ANSWERS_AT_ONCE = 2
"""Transactions for answers at a time; what comes meanwhile goes into the next one."""
_PATIENCE = 1_000_000
"""How often a message may come back while the database is away: for weeks."""


async def build(settings: OrchestratorSettings, bus: Bus) -> Service:
    """Put the orchestrator together."""
    dsn = settings.database_url.get_secret_value()
    ledger = await PostgresLedger.connect(dsn, settings.database_connections)
    post = PostgresPost(ledger.pool, ledger.outgoing)
    guides, clock = DirectoryGuides(settings.guides_dir), SystemClock()
    last_look = LastLook(settings.sweep_every_s)
    answers = (
        Answers(ledger, guides, clock).by_subject()
        | ProvingAnswers(ledger, guides, clock).by_subject()
        | ConditionAnswers(ledger, clock, last_look).by_subject()
    )

    async def request(received: Received) -> None:
        with _patient():
            await on_request(received, ledger, guides, clock)

    async def requests(many: Sequence[Received]) -> None:
        with _patient():
            await on_requests(many, ledger, guides, clock)

    async def answer(event: Answer | DeployEvidenced) -> None:
        with _patient():
            if isinstance(event, DeployEvidenced):
                await on_evidence(event, ledger)
            else:
                await on_answer(event, ledger, clock)

    async def many_answers(many: Sequence[Answer | DeployEvidenced]) -> None:
        with _patient():
            await on_answers([e for e in many if not isinstance(e, DeployEvidenced)], ledger, clock)
            for event in many:
                if isinstance(event, DeployEvidenced):
                    await on_evidence(event, ledger)

    return Service(
        name="orchestrator",
        settings=settings,
        subscriptions=(
            Subscription(
                stream=DEPLOY,
                consumer="orchestrator-requests",
                handler=request,
                raw=True,
                together=requests,
                concurrency=settings.batch,
                # One list at a time: who asked first goes first.
                turns=1,
                max_delivered=_PATIENCE,
            ),
            Subscription(
                stream=DEPLOY,
                consumer="orchestrator",
                handler=answer,
                kinds=(
                    DeployVerified,
                    DeployBaselined,
                    DeployInspected,
                    DeployExecuted,
                    DeployEvidenced,
                    DeployJudged,
                    DeployRecorded,
                    DeployNotified,
                ),
                together=many_answers,
                concurrency=settings.batch,
                turns=ANSWERS_AT_ONCE,
                max_delivered=_PATIENCE,
            ),
        ),
        answers=tuple(
            Served(subject, handler, queue="orchestrator") for subject, handler in answers.items()
        ),
        background=(
            partial(relay, post, bus),
            partial(sweep, ledger, clock, last_look, keep=settings.retention),
        ),
        on_stop=(ledger.close,),
        ready_checks=(partial(schema_fits, ledger.pool),),
    )


@contextmanager
def _patient() -> Generator[None]:
    """Have the message come back when the database does: that is no failure of the message's."""
    try:
        yield
    except Away as exc:
        raise Later(_AWAY_AGAIN, str(exc)) from exc
