"""How the orchestrator is put together. The only place that constructs."""

from functools import partial

from goaround_chassis.bus import Bus, Received, Subscription
from goaround_chassis.clock import SystemClock
from goaround_chassis.service import Answer as Served
from goaround_chassis.service import Service
from goaround_orchestrator.answers import Answers
from goaround_orchestrator.handlers import on_answer, on_request
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
from goaround_schemas.watching import DeployBaselined, DeployJudged


async def build(settings: OrchestratorSettings, bus: Bus) -> Service:
    """Put the orchestrator together."""
    dsn = settings.database_url.get_secret_value()
    ledger = await PostgresLedger.connect(dsn, settings.database_connections)
    post = PostgresPost(ledger.pool, dsn)
    guides, clock = DirectoryGuides(settings.guides_dir), SystemClock()
    answers = Answers(ledger, guides, clock)

    async def request(received: Received) -> None:
        await on_request(received, ledger, guides, clock)

    async def answer(event: Answer) -> None:
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
                concurrency=settings.concurrency,
            ),
            Subscription(
                stream=DEPLOY,
                consumer="orchestrator",
                handler=answer,
                kinds=(
                    DeployVerified,
                    DeployBaselined,
                    DeployExecuted,
                    DeployJudged,
                    DeployRecorded,
                    DeployNotified,
                ),
                batch=settings.batch,
            ),
        ),
        answers=tuple(
            Served(subject, handler, queue="orchestrator")
            for subject, handler in answers.by_subject().items()
        ),
        background=(
            partial(relay, post, bus),
            partial(sweep, ledger, clock, every_s=settings.sweep_every_s),
        ),
        on_stop=(ledger.close, post.close),
        ready_checks=(partial(schema_fits, ledger.pool),),
    )
