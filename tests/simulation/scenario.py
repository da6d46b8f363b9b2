"""What people do in a history: their guides, their requests, and what they say to runs.

Drawn from the seed. Guides are few and made once in a process, since reading one takes longer
than a history.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from hashlib import sha256
from random import Random
from typing import Any

from goaround_orchestrator.commands import PinnedGuide
from goaround_orchestrator.handlers import GuideRefused
from goaround_schemas.guide import Guide
from goaround_schemas.phase import Phase
from tests.simulation.estate import Mood

ENVIRONMENT = "prod"
SERVICES: tuple[str, ...] = ("cart", "till", "mail", "shop")
VARIANTS = 40

Fields = dict[str, Any]


def _check(what: str, service: str) -> Fields:
    name = f"{what} of {service}"
    return {"name": name, "http": {"url": f"{what}/{service}/{{version}}"}, "timeout": "2s"}


def _step(procedure: str, service: str, name: str, to: str, **more: Any) -> Fields:
    run = ["step", procedure, service, "{run.id}", "{stage.name}", to]
    return {"name": name, "run": run, "timeout": "30s", **more}


@cache
def guide_of(service: str, variant: int) -> PinnedGuide:
    """Return one of the guides of a service, always the same for the same number."""
    draw = Random(f"{service}/{variant}")
    document = _document(service, draw)
    guide = Guide.model_validate(document)
    digest = sha256(guide.model_dump_json().encode()).hexdigest()
    # The text is what the scribe would learn corrections from. It learns none here.
    return PinnedGuide(f"{service}.yaml", f"sha256:{digest}", "", guide)


def _document(service: str, draw: Random) -> Fields:
    stages = draw.choice(((), (), (), (), ("canary", "all"), ("canary", "half", "all")))
    steps = [
        _step("deploy", service, "switch", "{version}", idempotent=draw.random() < 0.5),
    ]
    if draw.random() < 0.4:
        retried = draw.random() < 0.5
        more = {"idempotent": True, "retries": 1} if retried else {"idempotent": False}
        steps.append(_step("deploy", service, "warm up", "{version}", **more))
    if draw.random() < 0.2:
        late = {"when": "after_green", "idempotent": draw.random() < 0.5}
        steps.append(_step("deploy", service, "let the old go", "{version}", **late))
    back = _step("rollback", service, "switch back", "{previous.version}")
    back["idempotent"] = draw.random() < 0.7
    deploy: Fields = {"steps": steps}
    if draw.random() < 0.3:
        deploy["migrations"] = {
            "current": ["schema", "current", service],
            "apply": ["schema", "apply", service, "{run.id}", "{version}"],
            "revert": ["schema", "revert", service, "{run.id}", "{migration.before}"],
            "timeout": "20s",
        }
    rollback: Fields = {"steps": [back]}
    if draw.random() < 0.3:
        rollback["first"] = [_step("first", service, "take away", "none", idempotent=True)]
    if draw.random() < 0.3:
        ready = {"within": "10s", "checks": [{**_check("ready", service), "every": "2s"}]}
        deploy["ready"] = ready
        rollback["ready"] = ready
    document: Fields = {
        "guide": "goaround/v1",
        "service": service,
        "environments": {ENVIRONMENT: {}},
        "deploy": deploy,
        "rollback": rollback,
        "verify": {"liveness": [_check("health", service)]},
        "record": {"changelog": "CHANGELOG.md"},
        "policy": {
            "when_busy": draw.choice(("queue", "queue", "supersede", "reject")),
            "queue_within": "30m",
        },
    }
    if stages:
        document["stages"] = [{"name": name} for name in stages]
    if draw.random() < 0.2:
        document["environments"][ENVIRONMENT] = {"approval": {"from": ["sre"], "within": "10m"}}
    if draw.random() < 0.4:
        document["running"] = {**_check("running", service), "required": False}
    if draw.random() < 0.3:
        document["preflight"] = {"dashboards": [_check("board", service)]}
    if draw.random() < 0.5:
        when = ["started", "awaiting_approval", "held", "rolling_back", "finished", "page"]
        document["notify"] = [{"to": "team@there", "name": "team", "when": when}]
    if draw.random() < 0.4:
        document["watch"] = _watch(service, draw)
    return document


def _watch(service: str, draw: Random) -> Fields:
    return {
        "period": "20s",
        "every": "5s",
        "extend": {"by": "10s", "at_most": draw.choice((0, 1))},
        "undecided": draw.choice(("hold", "rollback", "accept")),
        "hold_within": "5m",
        "hold_then": draw.choice(("rollback", "accept")),
        "baseline": {"before": "1m"},
        "signals": [
            {"name": f"latency of {service}", "kind": "latency", "prometheus": "{version}"}
        ],
    }


@dataclass(frozen=True)
class Shelf:
    """The guides of one history."""

    pinned: dict[str, PinnedGuide]

    def find(self, service: str) -> PinnedGuide:
        """The guide of a service."""
        if service not in self.pinned:
            raise GuideRefused(f"there is no guide for {service}")
        return self.pinned[service]

    def read(self, text: str, name: str) -> PinnedGuide:
        """Nobody of a history brings a guide along."""
        raise GuideRefused(f"{name}: {text[:20]}")


@dataclass(frozen=True, slots=True)
class Knock:
    """Something that arrives at the front door."""

    at_s: float
    fields: Fields
    subject: str = "deploy.requested"
    body: bytes | None = None
    """In place of the fields: no request at all."""
    twice: bool = False


VERBS = ("approve", "abort", "rollback", "resume", "promote")
APT = {
    Phase.AWAITING_APPROVAL: ("approve", "approve", "approve", "abort"),
    Phase.HELD: ("resume", "promote", "rollback"),
    Phase.WATCHING: ("promote", "abort", "rollback"),
    Phase.DEPLOYING: ("abort", "rollback"),
}
"""What people mostly say to a run in such a phase."""


@dataclass(frozen=True, slots=True)
class Word:
    """Something that a person says to whichever run is under way by then."""

    at_s: float

    def verb(self, phase: Phase, draw: Random) -> str:
        """What is said: mostly what fits, now and then anything."""
        return draw.choice(APT.get(phase, VERBS) if draw.random() < 0.8 else VERBS)


@dataclass(frozen=True)
class Scenario:
    """What people do in one history."""

    shelf: Shelf
    knocks: tuple[Knock, ...]
    words: tuple[Word, ...]
    moods: dict[str, Mood] = field(default_factory=dict[str, Mood])
    ran_before: dict[str, str] = field(default_factory=dict[str, str])


_MOODS = (
    *(Mood(),) * 5,
    Mood(step_fails=0.5),
    Mood(healthy=0.3),
    Mood(unsure=0.4),
    *(Mood(watch="red"),) * 2,
    *(Mood(watch="yellow"),) * 2,
)


def scenario(draw: Random) -> Scenario:
    """Draw what people do."""
    services = draw.sample(SERVICES, draw.choice((1, 1, 1, 2, 2, 3)))
    pinned = {s: guide_of(s, draw.randrange(VARIANTS)) for s in services}
    versions = [f"{n}.0" for n in range(1, 4)]
    moods = {v: draw.choice(_MOODS) for v in versions[1:]}
    knocks = [_request(draw, services, versions) for _ in range(draw.choice((1, 1, 1, 2, 2, 3)))]
    if draw.random() < 0.15:
        knocks.append(_odd(draw, services[0]))
    words = [Word(draw.uniform(1.0, 200.0)) for _ in range(draw.choice((0, 1, 2, 4)))]
    before = {s: "1.0" for s in services if draw.random() < 0.7}
    return Scenario(Shelf(pinned), tuple(knocks), tuple(words), moods, before)


def _request(draw: Random, services: list[str], versions: list[str]) -> Knock:
    fields: Fields = {"service": draw.choice(services), "environment": ENVIRONMENT}
    fields["requested_by"] = "ada"
    if draw.random() < 0.15:
        fields["kind"] = "rollback"
    else:
        fields["version"] = draw.choice(versions)
        fields["redeploy"] = draw.random() < 0.5
    if draw.random() < 0.3:
        fields["run_id"] = f"run-{draw.randrange(3)}"
    if draw.random() < 0.1:
        fields |= {"emergency": True, "reason": "it burns"}
    return Knock(draw.uniform(0.0, 90.0), fields, twice=draw.random() < 0.2)


def _odd(draw: Random, service: str) -> Knock:
    at_s, place = draw.uniform(0.0, 60.0), f"deploy.requested.{ENVIRONMENT}.{service}"
    fields: Fields = {"service": service, "environment": ENVIRONMENT}
    match draw.randrange(4):
        case 0:
            return Knock(at_s, {}, body=b"{nonsense", twice=draw.random() < 0.5)
        case 1:
            return Knock(at_s, {}, place, body=b"{nonsense", twice=draw.random() < 0.5)
        case 2:
            return Knock(at_s, {**fields, "version": "not a version"})
        case _:
            return Knock(at_s, {**fields, "service": "unheard-of", "version": "1.0"})


LONGEST = timedelta(hours=3)
"""Virtual time after which a history that is not over never will be."""
