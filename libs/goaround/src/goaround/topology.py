"""What the bus consists of, and who may say what on it. The one place that knows both.

Pure. Streams, consumers and buckets are created from here by `goaround migrate` (and `goaround
up`), never by a service. Every service has a user of its own, which may publish its own messages
and read its own consumers, and nothing else: a watcher cannot order a deployment.
"""

from collections.abc import Mapping

from goaround.embedded import NatsUser
from goaround_chassis.bus import Bucketspec, Consumer, Stream, Topology
from goaround_schemas.envelope import Message
from goaround_schemas.matrix import DeployVerified, WorkVerify
from goaround_schemas.notice import DeployNotified, WorkNotify
from goaround_schemas.procedure import (
    DeployExecuted,
    DeployInspected,
    DeployStepFinished,
    WorkDeploy,
    WorkInspect,
    WorkRollback,
)
from goaround_schemas.recording import DeployRecorded, WorkRecord
from goaround_schemas.subjects import DEAD, DEPLOY, FRONT_DOOR, TIMERS, WORK, filter_for, name_of
from goaround_schemas.watching import (
    DeployBaselined,
    DeployEvidenced,
    DeployJudged,
    DeployObserved,
    WorkWatch,
)

_DAY_S = 86_400.0
_GIB = 1024**3

WATCH_SLOTS = 4
WATCH_TIMERS = {
    "watcher-timers": "watch",
    **{f"watcher-timers-{slot}": f"watch-{slot}" for slot in range(WATCH_SLOTS)},
}
"""What each consumer of alarms takes: a watch's ticks have a slot, so that they can go to one
watcher; the first is for alarms that were set by releases without slots."""
PRESENCE = "presence.watcher"
"""Where each watcher says that it is there, and hears the others."""
INSPECTIONS = "deployer-inspections"
"""A consumer of its own, so that a look at migrations never waits for long deployments."""

ACK_WAIT_S = 2.0
"""How long a message in the hands of a worker that died waits for another one. A worker that
lives says so every third of it, so this does not bound how long work may take."""
LOOK_ACK_WAIT_S = 3.0
"""The same of a tick. Many looks wait for their turn where there is too much to do, and each that
comes again is work for nothing; who takes a dead watcher's ticks is known after three seconds."""

SAYS: Mapping[str, tuple[type[Message], ...]] = {
    "verifier": (DeployVerified,),
    "deployer": (DeployInspected, DeployStepFinished, DeployExecuted),
    "watcher": (DeployBaselined, DeployObserved, DeployEvidenced, DeployJudged),
    "scribe": (DeployRecorded,),
    "notifier": (DeployNotified,),
}
TAKES: Mapping[str, tuple[type[Message], ...]] = {
    "verifier": (WorkVerify,),
    "deployer": (WorkInspect, WorkDeploy, WorkRollback),
    "watcher": (WorkWatch,),
    "scribe": (WorkRecord,),
    "notifier": (WorkNotify,),
}
KEEPS: Mapping[str, tuple[str, ...]] = {
    "deployer": ("journal",),
    "watcher": ("watches",),
    "notifier": ("notices",),
}
ANSWERS = (
    DeployVerified,
    DeployBaselined,
    DeployInspected,
    DeployExecuted,
    DeployJudged,
    DeployRecorded,
)
"""What a run waits for."""
BESIDES = (DeployEvidenced, DeployNotified)
"""What the orchestrator keeps or notes, and no run waits for."""

ADMIN = "admin"
OPERATOR = "operator"


HISTORY_S = 365 * _DAY_S
HISTORY_BYTES = 4 * _GIB
"""How much of the history DEPLOY keeps, and how long; whichever ends first drops the oldest."""


def topology(
    replicas: int = 1, *, history_s: float = HISTORY_S, history_bytes: int = HISTORY_BYTES
) -> Topology:
    """Streams, consumers and buckets, on so many servers of a cluster."""
    workers = tuple(
        Consumer(
            stream=WORK,
            name=service,
            filters=tuple(f"{name_of(kind)}.>" for kind in kinds if kind is not WorkInspect),
            ack_wait_s=ACK_WAIT_S,
            max_ack_pending=10_000,
        )
        for service, kinds in TAKES.items()
    )
    return Topology(
        streams=(
            Stream(
                DEPLOY,
                subjects=("deploy.>",),
                max_age_s=history_s,
                max_bytes=history_bytes,
                duplicate_window_s=300,
                replicas=replicas,
            ),
            Stream(
                WORK,
                subjects=("work.>",),
                retention="workqueue",
                duplicate_window_s=300,
                replicas=replicas,
            ),
            Stream(
                TIMERS,
                subjects=("timer.>",),
                retention="workqueue",
                schedules=True,
                replicas=replicas,
            ),
            Stream(DEAD, subjects=("dead.>",), max_bytes=_GIB, replicas=replicas),
        ),
        consumers=(
            *workers,
            Consumer(
                stream=WORK,
                name=INSPECTIONS,
                filters=(f"{name_of(WorkInspect)}.>",),
                ack_wait_s=ACK_WAIT_S,
            ),
            *(
                Consumer(
                    stream=TIMERS,
                    name=consumer,
                    filters=(f"timer.fired.{alarm}.>",),
                    ack_wait_s=LOOK_ACK_WAIT_S,
                    max_ack_pending=20_000,
                )
                for consumer, alarm in WATCH_TIMERS.items()
            ),
            Consumer(
                stream=DEPLOY,
                name="orchestrator-requests",
                filters=(FRONT_DOOR, f"{FRONT_DOOR}.>"),
                ack_wait_s=ACK_WAIT_S,
            ),
            Consumer(
                stream=DEPLOY,
                name="orchestrator",
                filters=tuple(filter_for(kind) for kind in (*ANSWERS, *BESIDES)),
                ack_wait_s=ACK_WAIT_S,
                max_ack_pending=10_000,
            ),
        ),
        buckets=tuple(
            Bucketspec(name, ttl_s=90 * _DAY_S, replicas=replicas)
            for names in KEEPS.values()
            for name in names
        ),
    )


def users() -> tuple[NatsUser, ...]:
    """Everyone who may connect, and their subjects."""
    return (
        NatsUser(ADMIN, publish_allow=(">",), subscribe_allow=(">",), allow_responses=True),
        _operator(),
        _orchestrator(),
        *(_worker(service) for service in TAKES),
    )


def _worker(service: str) -> NatsUser:
    says = tuple(filter_for(kind) for kind in SAYS[service])
    dead = tuple(f"dead.{name_of(kind)}.>" for kind in TAKES[service])
    publish = (*says, *dead, *_reads(WORK, service), *_keeps(*KEEPS.get(service, ())))
    if service == "deployer":
        publish += _reads(WORK, INSPECTIONS)
    subscribe = _inbox(service)
    if service == "watcher":
        publish += (f"{PRESENCE}.*",)
        subscribe += (f"{PRESENCE}.*",)
        for consumer, alarm in WATCH_TIMERS.items():
            publish += (f"timer.at.{alarm}.>", f"dead.timer.fired.{alarm}.>")
            publish += _reads(TIMERS, consumer)
    return NatsUser(service, publish_allow=publish, subscribe_allow=subscribe)


def _orchestrator() -> NatsUser:
    publish = (
        "deploy.advanced.>",
        "deploy.finished.>",
        "work.>",
        "dead.deploy.>",
        *_reads(DEPLOY, "orchestrator"),
        *_reads(DEPLOY, "orchestrator-requests"),
        f"$JS.API.STREAM.INFO.{WORK}",
    )
    return NatsUser(
        "orchestrator",
        publish_allow=publish,
        subscribe_allow=(*_inbox("orchestrator"), "api.>"),
        allow_responses=True,
    )


def _operator() -> NatsUser:
    """People and their tools: they ask, and read what happened, with consumers of their own."""
    publish = (
        FRONT_DOOR,
        f"{FRONT_DOOR}.>",
        "api.>",
        "$JS.API.STREAM.NAMES",
        f"$JS.API.CONSUMER.CREATE.{DEPLOY}",
        f"$JS.API.CONSUMER.CREATE.{DEPLOY}.>",
        f"$JS.API.CONSUMER.DURABLE.CREATE.{DEPLOY}.>",
        f"$JS.API.CONSUMER.DELETE.{DEPLOY}.>",
        f"$JS.API.CONSUMER.INFO.{DEPLOY}.>",
        f"$JS.API.CONSUMER.MSG.NEXT.{DEPLOY}.>",
        f"$JS.ACK.{DEPLOY}.>",
        "$JS.FC.>",
        *_examines(),
    )
    return NatsUser(
        OPERATOR,
        publish_allow=publish,
        subscribe_allow=(*_inbox(OPERATOR), "_INBOX.>", "deploy.>"),
        publish_deny=_of_the_orchestrator(),
    )


def _of_the_orchestrator() -> tuple[str, ...]:
    """What would take messages out of the orchestrator's hands, or its consumers from under it."""
    own = [c.name for c in topology().consumers if c.stream == DEPLOY]
    return tuple(
        subject
        for name in own
        for subject in (
            f"$JS.API.CONSUMER.CREATE.{DEPLOY}.{name}",
            f"$JS.API.CONSUMER.CREATE.{DEPLOY}.{name}.>",
            f"$JS.API.CONSUMER.DURABLE.CREATE.{DEPLOY}.{name}",
            f"$JS.API.CONSUMER.DELETE.{DEPLOY}.{name}",
            f"$JS.API.CONSUMER.MSG.NEXT.{DEPLOY}.{name}",
            f"$JS.ACK.{DEPLOY}.{name}.>",
        )
    )


def _examines() -> tuple[str, ...]:
    """What `goaround doctor` asks: how things are, and the first message that lies there."""
    known = topology()
    kept = [*(s.name for s in known.streams), *(f"KV_{b.name}" for b in known.buckets)]
    return (
        "$JS.API.INFO",
        *(f"$JS.API.STREAM.INFO.{name}" for name in kept),
        *(f"$JS.API.CONSUMER.INFO.{c.stream}.{c.name}" for c in known.consumers),
        *(f"$JS.API.STREAM.MSG.GET.{s.name}" for s in known.streams),
    )


def _reads(stream: str, consumer: str) -> tuple[str, ...]:
    return (
        f"$JS.API.CONSUMER.INFO.{stream}.{consumer}",
        f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}",
        f"$JS.ACK.{stream}.{consumer}.>",
    )


def _keeps(*buckets: str) -> tuple[str, ...]:
    return tuple(
        subject
        for bucket in buckets
        for subject in (
            f"$KV.{bucket}.>",
            f"$JS.API.DIRECT.GET.KV_{bucket}.>",
            f"$JS.API.STREAM.MSG.GET.KV_{bucket}",
            f"$JS.API.STREAM.INFO.KV_{bucket}",
        )
    )


def _inbox(user: str) -> tuple[str, ...]:
    return (f"_INBOX_{user}.>",)
