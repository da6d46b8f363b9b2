"""What the deployer is made of. The only place that constructs."""

from goaround_chassis.bus import Bus, Subscription
from goaround_chassis.clock import SystemClock
from goaround_chassis.service import Service
from goaround_deployer.admitting import Admitter
from goaround_deployer.handlers import on_command, on_dead
from goaround_deployer.inspecting import Inspector, on_inspect, on_uninspected
from goaround_deployer.journal import ProcedureCommand
from goaround_deployer.reach import ReachableSchemas
from goaround_deployer.rehearsal import ScratchRehearsals
from goaround_deployer.settings import DeployerSettings
from goaround_deployer.steps.http import HttpRequests, one_connection_each, trust
from goaround_deployer.steps.kinds import StepRunner
from goaround_deployer.steps.program import Programs, worker_environment
from goaround_deployer.steps.question import Questions
from goaround_deployer.work import Tools
from goaround_schemas import subjects
from goaround_schemas.envelope import Message
from goaround_schemas.procedure import WorkDeploy, WorkInspect, WorkRollback

CONSUMER = "deployer"
# Apart from deployments, which may take all places there are, and take long.
INSPECTIONS = "deployer-inspections"
BUCKET = "journal"


async def build(settings: DeployerSettings, bus: Bus) -> Service:
    """Put the service together."""
    clock = SystemClock()
    bucket = bus.bucket(BUCKET)
    worker = worker_environment()
    programs = Programs(worker, settings.pass_environment)
    requests = HttpRequests(one_connection_each(trust()))
    schemas = ReachableSchemas(programs, worker)
    admitter = Admitter(bucket, clock, settings.timing)
    tools = Tools(StepRunner(programs, requests, worker), bus, clock, schemas=schemas)
    inspector = Inspector(
        asking=lambda values: Questions(programs, worker, values),
        schemas=schemas,
        rehearsals=ScratchRehearsals(programs, requests, worker, clock),
        publisher=bus,
        clock=clock,
    )

    async def handle(command: ProcedureCommand) -> None:
        await on_command(command, admitter, tools)

    async def inspect(command: WorkInspect) -> None:
        await on_inspect(command, inspector)

    async def give_up(message: Message, why: str) -> None:
        if isinstance(message, WorkDeploy | WorkRollback):
            await on_dead(message, why, admitter, tools)
        elif isinstance(message, WorkInspect):
            await on_uninspected(message, why, inspector)

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
            Subscription(
                stream=subjects.WORK,
                consumer=INSPECTIONS,
                handler=inspect,
                kinds=(WorkInspect,),
                concurrency=settings.concurrency,
                on_dead=give_up,
            ),
        ),
    )
