"""How the orchestrator is put together. The only place that constructs."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

from goaround_chassis.bus import Bus, Received, Subscription
from goaround_chassis.clock import SystemClock
from goaround_chassis.errors import Later
from goaround_chassis.service import Answer as Served
from goaround_chassis.service import Service
from goaround_orchestrator.answers import Answers
from goaround_orchestrator.evidence import on_evidence
from goaround_orchestrator.handlers import on_answer, on_request
from goaround_orchestrator.ledger import Away
from goaround_orchestrator.lifecycle import Answer
from goaround_orchestrator.relay import relay
from goaround_orchestrator.settings import OrchestratorSettings
from goaround_orchestrator.shelf import DirectoryGuides
from goaround_orchestrator.store import PostgresLedger, PostgresPost, schema_fits
from goaround_orchestrator.sweeper import sweep
from goaround_schemas.matrix import DeployVerified
from goaround_schemas.notice import DeployNotified
from goaround_schemas.procedure import DeployExecuted
from goaround_schemas.recording import DeployRecorded
from goaround_schemas.subjects import DEPLOY
from goaround_schemas.watching import DeployBaselined, DeployEvidenced, DeployJudged

_AWAY_AGAIN = timedelta(seconds=2)
_PATIENCE = 1_000_000
"""How often a message may come back while the database is away: for weeks."""


async def build(settings: OrchestratorSettings, bus: Bus) -> Service:
    """Put the orchestrator together."""
    dsn = settings.database_url.get_secret_value()
    ledger = await PostgresLedger.connect(dsn, settings.database_connections)
    post = PostgresPost(ledger.pool, dsn)
    guides, clock = DirectoryGuides(settings.guides_dir), SystemClock()
    answers = Answers(ledger, guides, clock)

    async def request(received: Received) -> None:
        with _patient():
            await on_request(received, ledger, guides, clock)

    async def answer(event: Answer | DeployEvidenced) -> None:
        with _patient():
            if isinstance(event, DeployEvidenced):
                await on_evidence(event, ledger)
            else:
                await on_answer(event, ledger, clock)

    return Service(
        name="orchestrator",
        settings=settings,
        subscriptions=(
            Subscription(
                stream=DEPLOY,
                consumer="orchestrator-requests",
                handler=request,
                raw=True,
                # One at a time: who asked first goes first.
                concurrency=1,
                max_delivered=_PATIENCE,
            ),
            Subscription(
                stream=DEPLOY,
                consumer="orchestrator",
                handler=answer,
                kinds=(
                    DeployVerified,
                    DeployBaselined,
                    DeployExecuted,
                    DeployEvidenced,
                    DeployJudged,
                    DeployRecorded,
                    DeployNotified,
                ),
                concurrency=settings.batch,
                max_delivered=_PATIENCE,
            ),
        ),
        answers=tuple(
            Served(subject, handler, queue="orchestrator")
            for subject, handler in answers.by_subject().items()
        ),
        background=(
            partial(relay, post, bus),
            partial(
                sweep,
                ledger,
                clock,
                every_s=settings.sweep_every_s,
                evidence_for=timedelta(days=settings.evidence_kept_days),
            ),
        ),
        on_stop=(ledger.close, post.close),
        ready_checks=(partial(schema_fits, ledger.pool),),
    )


@contextmanager
def _patient() -> Generator[None]:
    """Have the message come back when the database does: that is no failure of the message's."""
    try:
        yield
    except Away as exc:
        raise Later(_AWAY_AGAIN, str(exc)) from exc
