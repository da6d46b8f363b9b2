"""What the deployer is made of. The only place that constructs."""

import httpx

from goaround_chassis.bus import Bus, Subscription
from goaround_chassis.clock import SystemClock
from goaround_chassis.service import Service
from goaround_deployer.handlers import on_command, on_dead
from goaround_deployer.journal import ProcedureCommand
from goaround_deployer.lease import Admitter
from goaround_deployer.reach import ReachableSchemas
from goaround_deployer.settings import DeployerSettings
from goaround_deployer.steps.http import HttpRequests
from goaround_deployer.steps.kinds import StepRunner
from goaround_deployer.steps.program import Programs, worker_environment
from goaround_deployer.work import Tools
from goaround_schemas import subjects
from goaround_schemas.envelope import Message
from goaround_schemas.procedure import WorkDeploy, WorkRollback

CONSUMER = "deployer"
BUCKET = "journal"


async def build(settings: DeployerSettings, bus: Bus) -> Service:
    """Put the service together."""
    clock = SystemClock()
    bucket = bus.bucket(BUCKET)
    worker = worker_environment()
    # No proxy and no .netrc of the worker's own account: a guide says all that a request carries.
    client = httpx.AsyncClient(trust_env=False, follow_redirects=False)
    programs = Programs(worker, settings.pass_environment)
    runner = StepRunner(programs, HttpRequests(client), worker)
    admitter = Admitter(bucket, clock, settings.timing)
    tools = Tools(runner, bus, clock, schemas=ReachableSchemas(programs, worker))

    async def handle(command: ProcedureCommand) -> None:
        await on_command(command, admitter, tools)

    async def give_up(message: Message, why: str) -> None:
        if isinstance(message, WorkDeploy | WorkRollback):
            await on_dead(message, why, admitter, tools)

    return Service(
        name="deployer",
        settings=settings,
        subscriptions=(
            Subscription(
                stream=subjects.WORK,
                consumer=CONSUMER,
                handler=handle,
                kinds=(WorkDeploy, WorkRollback),
                concurrency=settings.concurrency,
                on_dead=give_up,
            ),
        ),
        on_stop=(client.aclose,),
    )
