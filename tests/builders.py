"""Every message and a guide, with each field that a test does not care about filled in.

A builder takes the fields that matter as keywords: of the data first, and of the envelope where the
name is one of the envelope's. `message(kind, **changes)` builds any of them by its class.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, TypeVar, cast

from goaround_schemas.catalogue import AnyMessage
from goaround_schemas.envelope import Message
from goaround_schemas.guide import (
    Baseline,
    Check,
    DeployProcedure,
    Environment,
    Extension,
    Guide,
    HealthMatrix,
    HttpCheck,
    HttpExpectation,
    HttpStep,
    LogSource,
    Migrations,
    PrometheusServer,
    Ratio,
    Readiness,
    Record,
    RollbackProcedure,
    RunExpectation,
    ScrapeSource,
    Selection,
    Signal,
    Source,
    Step,
    TcpCheck,
    Watch,
)
from goaround_schemas.matrix import (
    DeployVerified,
    DeployVerifiedData,
    Matrix,
    MatrixRow,
    Question,
    RowOutcome,
    WorkVerify,
    WorkVerifyData,
)
from goaround_schemas.notice import (
    DeployNotified,
    DeployNotifiedData,
    WorkNotify,
    WorkNotifyData,
)
from goaround_schemas.outcome import (
    DeployAdvanced,
    DeployAdvancedData,
    DeployFinished,
    DeployFinishedData,
    GuideCorrection,
    GuideUsed,
    RollbackSummary,
    Span,
)
from goaround_schemas.phase import Phase
from goaround_schemas.procedure import (
    DeployExecuted,
    DeployExecutedData,
    DeployInspected,
    DeployInspectedData,
    DeployStepFinished,
    DeployStepFinishedData,
    MigrationResult,
    PendingMigration,
    RehearsalResult,
    Reverted,
    StepResult,
    WorkDeploy,
    WorkDeployData,
    WorkInspect,
    WorkInspectData,
    WorkRollback,
    WorkRollbackData,
)
from goaround_schemas.recording import (
    DeployRecorded,
    DeployRecordedData,
    Entry,
    WorkRecord,
    WorkRecordData,
)
from goaround_schemas.request import DeployRequested, DeployRequestedData
from goaround_schemas.watching import (
    DeployBaselined,
    DeployBaselinedData,
    DeployEvidenced,
    DeployEvidencedData,
    DeployJudged,
    DeployJudgedData,
    DeployObserved,
    DeployObservedData,
    Observation,
    SignalBaseline,
    SignalSummary,
    WatchSummary,
    WorkWatch,
    WorkWatchData,
)

K = TypeVar("K", bound=AnyMessage)

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
"""When everything happens that has no time of its own."""

RUN: Mapping[str, Any] = MappingProxyType(
    {"run_id": "r-2026-0042", "service": "checkout", "environment": "prod"}
)
_ENVELOPE = frozenset(
    {"id", "source", "subject", "time", "correlationid", "causationid", "traceparent"}
)


def at(seconds: float = 0.0) -> datetime:
    """Noon, and so many seconds after."""
    return NOON + timedelta(seconds=seconds)


def message(kind: type[K], **changes: Any) -> K:
    """Return a full message of this kind with some fields changed."""
    return cast("K", _BUILDERS[kind](**changes))


def _merged(*parts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for part in parts for name, value in part.items()}


def _data(changes: dict[str, Any], **usual: Any) -> dict[str, Any]:
    own = {k: v for k, v in changes.items() if k not in _ENVELOPE}
    return {**RUN, **usual, **own}


def _envelope(source: str, changes: dict[str, Any]) -> dict[str, Any]:
    run_id = str(changes.get("run_id", RUN["run_id"]))
    usual = {
        "id": "3f1c9a52-8f0e-5d53-9a54-0d4c2b1f7a10",
        "source": source,
        "subject": run_id,
        "time": NOON,
        "correlationid": run_id,
        "causationid": "77a7f4f6-5d1c-5a3c-b1e5-54b6a1b9c001",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    }
    return {**usual, **{k: v for k, v in changes.items() if k in _ENVELOPE}}


def http_check(url: str = "https://checkout.internal/livez", **changes: Any) -> Check:
    """Return one HTTP question."""
    return Check(**_merged({"name": "live", "http": HttpCheck(url=url)}, changes))


def run_check(*argv: str, **changes: Any) -> Check:
    """Return one question that a command answers."""
    usual: dict[str, Any] = {
        "name": "image exists",
        "run": argv or ("skopeo", "inspect", "docker://registry.internal/checkout:2.4.1"),
        "expect": RunExpectation(exit=0, text="Digest"),
        "env": {"REGISTRY_AUTH": "${env:REGISTRY_AUTH}"},
        "dir": "releases",
    }
    return Check(**_merged(usual, changes))


def step(name: str = "switch to 2.4.1", **changes: Any) -> Step:
    """Return one step that runs a command; give `script` or `http` for another kind."""
    usual: dict[str, Any] = {"run": ("./release", "2.4.1"), "timeout": "2m", "idempotent": True}
    if changes.get("script") or changes.get("http"):
        del usual["run"]
    return Step(**_merged({"name": name}, usual, changes))


def http_step(name: str = "warm the cache", **changes: Any) -> Step:
    """Return one step that sends a request."""
    body = {"keys": ["prices", "stock"], "force": False}
    request = HttpStep(url="https://checkout.internal/cache", body=body, status=(200, 202))
    return step(name, **{"http": request, **changes})


def migrations(**changes: Any) -> Migrations:
    """Return how the schema moves."""
    usual: dict[str, Any] = {
        "current": ("alembic", "current"),
        "apply": ("alembic", "upgrade", "head"),
        "revert": ("alembic", "downgrade", "{migration.before}"),
        "env": {"DATABASE_URL": "${file:/run/secrets/database-url}"},
        "dir": "service",
    }
    return Migrations(**_merged(usual, changes))


def signal(name: str = "p95 latency", **changes: Any) -> Signal:
    """Return one thing to watch that gives one number."""
    usual: dict[str, Any] = {
        "kind": "latency",
        "unit": "s",
        "prometheus": "histogram_quantile(0.95, sum(rate(http_seconds_bucket[1m])) by (le))",
        "matters_from": "10%",
    }
    return Signal(**_merged({"name": name}, usual, changes))


def errors_signal(name: str = "errors", **changes: Any) -> Signal:
    """Return a signal of two counts, read from the service's own metrics page."""
    url = "https://checkout.internal/metrics"
    failed = ScrapeSource(url=url, increase="http_requests_total", where={"code": "5.."})
    every = ScrapeSource(url=url, increase="http_requests_total")
    usual: dict[str, Any] = {
        "kind": "errors",
        "errors": Source(scrape=failed),
        "requests": Source(scrape=every),
        "min_requests": 50,
    }
    return Signal(**_merged({"name": name}, usual, changes))


def saturation_signal(name: str = "cache misses", **changes: Any) -> Signal:
    """Return a signal that is one rate over another."""
    of = Selection(metric="cache_misses_total", where={"tier": "l1"})
    ratio = Ratio(of=of, to=Selection(metric="cache_reads_total"))
    source = ScrapeSource(url="https://checkout.internal/metrics", ratio=ratio)
    usual: dict[str, Any] = {"kind": "saturation", "bad": "up", "scrape": source, "muted": True}
    return Signal(**_merged({"name": name}, usual, changes))


def watch(**changes: Any) -> Watch:
    """Return a watch with signals of each sort and a log."""
    usual: dict[str, Any] = {
        "period": "15m",
        "every": "15s",
        "extend": Extension(by=timedelta(minutes=10), at_most=2),
        "baseline": Baseline(before=timedelta(hours=1), also="same-hour-last-week"),
        "prometheus": PrometheusServer(
            url="http://prometheus.internal:9090", headers={"Authorization": "${env:PROM_TOKEN}"}
        ),
        "signals": (signal(), errors_signal(), saturation_signal()),
        "logs": (LogSource(name="application", file="/var/log/checkout/*.log"),),
    }
    return Watch(**_merged(usual, changes))


def guide(**changes: Any) -> Guide:
    """Return a small sound guide."""
    usual: dict[str, Any] = {
        "guide": "goaround/v1",
        "service": "checkout",
        "environments": {"prod": Environment(vars={"base": "https://checkout.internal"})},
        "deploy": DeployProcedure(
            migrations=migrations(),
            steps=(step("switch to {version}", run=("./release", "{version}")),),
            ready=Readiness(checks=(http_check("{vars.base}/readyz", name="ready"),)),
        ),
        "verify": HealthMatrix(liveness=(http_check("{vars.base}/livez"),)),
        "rollback": RollbackProcedure(
            steps=(step("back to previous", run=("./release", "{previous.version}")),)
        ),
    }
    return Guide(**_merged(usual, changes))


def row(name: str = "GET https://checkout.internal/livez", **changes: Any) -> MatrixRow:
    """Return one answer."""
    usual: dict[str, Any] = {
        "category": "liveness",
        "outcome": RowOutcome.PASSED,
        "detail": "status 200 in 12 ms; 2xx was wanted",
        "value": "2.4.1",
        "attempts": 1,
        "seconds": 0.012,
    }
    return MatrixRow(**_merged({"name": name}, usual, changes))


def matrix(**changes: Any) -> Matrix:
    """Return a whole matrix that passed."""
    warned = row(
        "dashboard",
        category="dashboards",
        outcome=RowOutcome.WARNED,
        detail="status 302; 2xx was wanted",
        required=False,
    )
    usual: dict[str, Any] = {
        "kind": "health",
        "of": "2.4.1",
        "outcome": "passed",
        "rows": (row(), warned),
    }
    return Matrix(**_merged(usual, changes))


def step_result(name: str = "switch to 2.4.1", **changes: Any) -> StepResult:
    """Return what became of one step."""
    usual: dict[str, Any] = {
        "kind": "step",
        "outcome": "done",
        "detail": "exit code 0 after 3.2 s",
        "output": "switching ... done\n",
        "attempts": 1,
        "started_at": at(30),
        "seconds": 3.2,
    }
    return StepResult(**_merged({"name": name}, usual, changes))


def signal_summary(name: str = "p95 latency", **changes: Any) -> SignalSummary:
    """Return what one signal did over a whole watch."""
    usual: dict[str, Any] = {
        "kind": "latency",
        "unit": "s",
        "baseline": 0.210,
        "observed": 0.214,
        "change": 0.019,
        "limit": 0.1,
        "colour": "green",
        "verdict": "steady",
        "reason": "0.214 s against 0.210 s before, +1.9 %; from 10 % on it matters",
        "samples": {"ok": 60},
    }
    return SignalSummary(**_merged({"name": name}, usual, changes))


def watch_summary(**changes: Any) -> WatchSummary:
    """Return a whole watch that ended green."""
    log = signal_summary(
        "application",
        kind="log",
        unit="lines/min",
        baseline=3.0,
        observed=0.0,
        change=-1.0,
        verdict="better",
        reason="no new template; one has vanished",
        muted=True,
    )
    usual: dict[str, Any] = {
        "stage": "all",
        "colour": "green",
        "action": "accept",
        "reason": "p95 latency is steady: 0.214 s against 0.210 s, +1.9 %, limit 10 %",
        "deciding": "p95 latency",
        "would_be_green": "it is",
        "signals": (signal_summary(),),
        "logs": (log,),
        "ticks": 60,
        "extensions": 1,
        "watched_s": 900.0,
        "judge_version": "1",
    }
    return WatchSummary(**_merged(usual, changes))


def span(phase: Phase = Phase.DEPLOYING, **changes: Any) -> Span:
    """Return one phase of a run with its times."""
    usual: dict[str, Any] = {"from": at(20), "to": at(40), "stage": "all"}
    return Span(**_merged({"phase": phase}, usual, changes))


def correction(**changes: Any) -> GuideCorrection:
    """Return a proposed change of the guide."""
    usual: dict[str, Any] = {
        "field": "deploy.ready.within",
        "was": "10s",
        "proposed": "30s",
        "evidence": "readiness took 9.1 s of 10 s",
        "id": "c-5f1d0c2a9b3e",
        "runs": ("r-2026-0042",),
        "effect": "none of 12 runs on record would have been cut off",
        "diff": "--- a/checkout.yaml\n+++ b/checkout.yaml\n@@ -9 +9 @@\n-  10s\n+  30s\n",
    }
    return GuideCorrection(**_merged(usual, changes))


def rollback_summary(**changes: Any) -> RollbackSummary:
    """Return the story of a way back."""
    usual: dict[str, Any] = {
        "trigger": "errors: 4.1 % of 2300 requests against 0.1 %",
        "steps": (step_result("back to previous"),),
        "matrix": matrix(kind="rollback_health", of="2.4.0"),
        "left": "the cache still holds entries of 2.4.1",
        "database": reverted(),
        "known": ("the switch of checkout runs 2.4.0",),
        "next": ("goaround resume r-2026-0042",),
    }
    return RollbackSummary(**_merged(usual, changes))


def deploy_requested(**changes: Any) -> DeployRequested:
    """Return a wish for version 2.4.1 of checkout in prod."""
    data = _data(
        changes,
        version="2.4.1",
        requested_by="ada",
        reason="faster checkout",
        artifact="pkg:docker/acme/checkout@2.4.1",
        watch_period="10m",
        emergency=True,
        redeploy=True,
        allow=("lossy",),
    )
    return DeployRequested(**_envelope("client", changes), data=DeployRequestedData(**data))


def deploy_advanced(**changes: Any) -> DeployAdvanced:
    """Return the move from preflight to deploying."""
    data = _data(
        changes,
        version="2.4.1",
        **{"from": Phase.PREFLIGHT, "to": Phase.DEPLOYING},
        stage="all",
        reason="pre-flight passed: 9 of 9 rows",
        actor="verifier",
        revision=2,
    )
    return DeployAdvanced(**_envelope("orchestrator", changes), data=DeployAdvancedData(**data))


def deploy_verified(**changes: Any) -> DeployVerified:
    """Return a health matrix that passed."""
    data = _data(changes, matrix=matrix())
    return DeployVerified(**_envelope("verifier", changes), data=DeployVerifiedData(**data))


def deploy_step_finished(**changes: Any) -> DeployStepFinished:
    """Return the end of the first of two steps."""
    data = _data(changes, procedure="deploy", stage="all", index=0, of=2, step=step_result())
    return DeployStepFinished(**_envelope("deployer", changes), data=DeployStepFinishedData(**data))


def deploy_executed(**changes: Any) -> DeployExecuted:
    """Return a deploy procedure that was done."""
    migrated = step_result("alembic upgrade head", kind="migration")
    data = _data(
        changes,
        procedure="deploy",
        stage="all",
        outcome="done",
        reason="2 of 2 steps done in 6.4 s",
        steps=(migrated, step_result()),
        migration=migration_result(),
        changed=True,
    )
    return DeployExecuted(**_envelope("deployer", changes), data=DeployExecutedData(**data))


def migration_result(**changes: Any) -> MigrationResult:
    """Return a schema that was moved, and taken back."""
    usual: dict[str, Any] = {
        "before": "a1b2",
        "after": "c3d4",
        "fingerprint_before": "pg1:" + "ab" * 32,
        "fingerprint_after": "pg1:" + "cd" * 32,
        "reverted": reverted(),
        "after_green": ("drop the note",),
    }
    return MigrationResult(**_merged(usual, changes))


def reverted(**changes: Any) -> Reverted:
    """Return a schema that is what it was, what was dropped on the way kept aside."""
    usual: dict[str, Any] = {
        "outcome": "reverted_verified",
        "reason": "the catalogue is the one of before, by its fingerprint",
        "kept": ("goaround_kept.orders_note_r_2026_0042",),
    }
    return Reverted(**_merged(usual, changes))


def pending_migration(**changes: Any) -> PendingMigration:
    """Return a migration that takes something away."""
    usual: dict[str, Any] = {
        "revision": "c3d4",
        "name": "drop_note",
        "kind": "lossy",
        "reasons": ("line 1: drops column orders.note with what it holds",),
        "fit": "contract",
        "way_back": "lossy",
        "way_back_reasons": ("column orders.note comes back empty",),
        "locks": ("line 2: builds an index while others wait to write",),
        "point_of_no_return": "line 1: alter table orders drop column note",
    }
    return PendingMigration(**_merged(usual, changes))


def rehearsal(**changes: Any) -> RehearsalResult:
    """Return a rehearsal that went well."""
    usual: dict[str, Any] = {
        "outcome": "passed",
        "reason": "up, down and up again: the way back left nothing different",
        "at": at(5),
        "seconds": 2.5,
        "up_s": 0.4,
        "down_s": 0.3,
        "again_s": 0.4,
        "copied_by": "pg_dump",
        "smoke": (step_result("2.4.0 still writes orders"),),
    }
    return RehearsalResult(**_merged(usual, changes))


def deploy_inspected(**changes: Any) -> DeployInspected:
    """Return what a version would do to the schema, rehearsed."""
    data = _data(
        changes,
        version="2.4.1",
        outcome="done",
        reason="1 migration is pending after a1b2",
        revision="a1b2",
        fingerprint="pg1:" + "ab" * 32,
        judged=True,
        pending=(pending_migration(),),
        rehearsal=rehearsal(),
    )
    return DeployInspected(**_envelope("deployer", changes), data=DeployInspectedData(**data))


def work_inspect(**changes: Any) -> WorkInspect:
    """Return the order to look at the migrations of 2.4.1, and to rehearse them."""
    data = _data(
        changes,
        version="2.4.1",
        previous_version="2.4.0",
        migrations=migrations(),
        values={"GOAROUND_VERSION": "2.4.1", "GOAROUND_PREVIOUS_VERSION": "2.4.0"},
        rehearse=True,
    )
    return WorkInspect(**_envelope("orchestrator", changes), data=WorkInspectData(**data))


def deploy_baselined(**changes: Any) -> DeployBaselined:
    """Return a baseline in which everything answered."""
    latency = SignalBaseline(
        name="p95 latency",
        answered=True,
        detail="240 samples over 1h",
        samples=240,
        typical=0.21,
        unit="s",
    )
    lines = SignalBaseline(name="application", answered=True, detail="180 lines", samples=180)
    data = _data(changes, complete=True, signals=(latency,), logs=(lines,))
    return DeployBaselined(**_envelope("watcher", changes), data=DeployBaselinedData(**data))


def deploy_observed(**changes: Any) -> DeployObserved:
    """Return the third look of a watch."""
    look = Observation(
        name="p95 latency", state="ok", value=0.212, unit="s", colour="green", detail="steady"
    )
    data = _data(
        changes,
        stage="all",
        tick=3,
        elapsed_s=45.0,
        period_s=900.0,
        colour="green",
        reason="all steady",
        observations=(look, Observation(name="errors", state="too_few", colour="yellow")),
    )
    return DeployObserved(**_envelope("watcher", changes), data=DeployObservedData(**data))


RECORDING = (
    "eJxVkEFOxDAMRfecIvI6GhUkNj0HO4SikHjSgImrOKGgEXfHnZYZZpf3/OV8+QSSU/EkMD6/WAhM/aPs"
    "QJz2F35i/XYK94+HwcKMNXNceVgRyc+C//irYZHMRVxXr/bGeSJedt1LxJDjSjAxRfi5O60luFc1qSIW"
    "sHDJtNrRgg9NF+nch4Bz00BFL2fzNKFJXcPGy7uYI1dT2Cy+hWk0uYnZqpssZjj8bc4lwVg6kYWFO0X3"
    "im77egTN3BzoepO3HhM6PYxsZR60+y/BGG8c"
)
"""A watch that was asked for no time, as the watcher records it."""


def deploy_evidenced(**changes: Any) -> DeployEvidenced:
    """Return the evidence of a watch that ended green."""
    data = _data(
        changes,
        version="2.4.1",
        stage="all",
        colour="green",
        action="accept",
        judged_at=datetime(2026, 3, 4, 12, 16, tzinfo=UTC),
        switched_at=datetime(2026, 3, 4, 12, 1, tzinfo=UTC),
        looks=61,
        judge_version="2",
        recording=RECORDING,
    )
    return DeployEvidenced(**_envelope("watcher", changes), data=DeployEvidencedData(**data))


def deploy_judged(**changes: Any) -> DeployJudged:
    """Return a watch that ended green."""
    data = _data(changes, summary=watch_summary())
    return DeployJudged(**_envelope("watcher", changes), data=DeployJudgedData(**data))


def deploy_recorded(**changes: Any) -> DeployRecorded:
    """Return a run that was written down, with one correction proposed."""
    entries = (
        Entry(what="changelog", outcome="written", where="CHANGELOG.md", detail="1 entry"),
        Entry(what="docs", outcome="unchanged", where="docs/checkout.md"),
    )
    data = _data(changes, entries=entries, corrections=(correction(),))
    return DeployRecorded(**_envelope("scribe", changes), data=DeployRecordedData(**data))


def deploy_notified(**changes: Any) -> DeployNotified:
    """Return a recipient who was told at the second attempt."""
    data = _data(
        changes,
        moment="finished",
        name="payments channel",
        outcome="delivered",
        detail="status 200",
        attempt=2,
    )
    return DeployNotified(**_envelope("notifier", changes), data=DeployNotifiedData(**data))


def deploy_finished(**changes: Any) -> DeployFinished:
    """Return a run that went around and came back well: it has every field."""
    data = _data(
        changes,
        version="2.4.1",
        previous_version="2.4.0",
        requested_by="ada",
        artifact="pkg:docker/acme/checkout@2.4.1",
        outcome="rolled_back",
        reason="errors: 4.1 % of 2300 requests against 0.1 % before; 2.4.0 runs again",
        timeline=(span(Phase.PREFLIGHT, **{"from": at(), "to": at(20)}), span()),
        verification=(matrix(kind="preflight", of="2.4.0"), matrix()),
        migrations=(pending_migration(),),
        watch=watch_summary(colour="red", action="rollback"),
        rollback=rollback_summary(),
        guide=GuideUsed(digest="sha256:" + "ab" * 32, corrections=(correction(),)),
        record=("CHANGELOG.md", "docs/checkout.md"),
        warnings=("the payments channel could not be reached",),
    )
    return DeployFinished(**_envelope("orchestrator", changes), data=DeployFinishedData(**data))


def work_verify(**changes: Any) -> WorkVerify:
    """Return the order to run a matrix with a check of every sort."""
    expect = HttpExpectation(
        status=(200, 204),
        json_values={"version": "2.4.1", "ok": True},
        latency=timedelta(seconds=1),
    )
    smoke = http_check(name="version", http=HttpCheck(url="https://c/version", expect=expect))
    questions = (
        Question(category="liveness", check=http_check()),
        Question(category="dependency", check=Check(tcp=TcpCheck(host="db.internal", port=5432))),
        Question(category="checks", check=run_check()),
        Question(category="smoke", check=smoke),
    )
    data = _data(changes, kind="health", of="2.4.1", questions=questions, within_s=120.0)
    return WorkVerify(**_envelope("orchestrator", changes), data=WorkVerifyData(**data))


def _procedure(changes: dict[str, Any], *steps: Step) -> dict[str, Any]:
    values = {"GOAROUND_VERSION": "2.4.1", "GOAROUND_PREVIOUS_VERSION": "2.4.0"}
    return _data(
        changes,
        version="2.4.1",
        previous_version="2.4.0",
        stage="all",
        steps=steps,
        migrations=migrations(),
        values=values,
    )


def work_deploy(**changes: Any) -> WorkDeploy:
    """Return the order to run a stage with a step of every sort."""
    script = step("smoke the queue", script='echo "$GOAROUND_VERSION"\n', idempotent=False)
    data = _procedure(changes, step(), script, http_step())
    return WorkDeploy(**_envelope("orchestrator", changes), data=WorkDeployData(**data))


def work_rollback(**changes: Any) -> WorkRollback:
    """Return the order to go back."""
    usual: dict[str, Any] = {
        "deployed_by": "r-2026-0041",
        "migration_before": "a1b2",
        "fingerprint_before": "pg1:" + "ab" * 32,
    }
    data = {**usual, **_procedure(changes, step("back to 2.4.0", run=("./release", "2.4.0")))}
    return WorkRollback(**_envelope("orchestrator", changes), data=WorkRollbackData(**data))


def work_watch(**changes: Any) -> WorkWatch:
    """Return the order to watch."""
    data = _data(
        changes, action="watch", version="2.4.1", stage="all", watch=watch(), switched_at=at(40)
    )
    return WorkWatch(**_envelope("orchestrator", changes), data=WorkWatchData(**data))


def work_record(**changes: Any) -> WorkRecord:
    """Return the order to write down a run that was rolled back."""
    data = _data(
        changes,
        version="2.4.1",
        previous_version="2.4.0",
        requested_by="ada",
        request_reason="faster checkout",
        artifact="pkg:docker/acme/checkout@2.4.1",
        outcome="rolled_back",
        reason="errors: 4.1 % of 2300 requests against 0.1 % before",
        timeline=(span(),),
        verification=(matrix(),),
        steps=(step_result(),),
        migration=migration_result(),
        migrations=(pending_migration(),),
        watch=watch_summary(colour="red", action="rollback"),
        rollback=rollback_summary(),
        warnings=("the payments channel could not be reached",),
        record=Record(changelog="CHANGELOG.md", configuration=("config/checkout.toml",)),
        docs="docs/checkout.md",
        guide_name="checkout.yaml",
        guide_text="guide: goaround/v1\nservice: checkout\n",
        guide_digest="sha256:" + "ab" * 32,
        previous_guide_text="guide: goaround/v1\nservice: checkout\n",
    )
    return WorkRecord(**_envelope("orchestrator", changes), data=WorkRecordData(**data))


def work_notify(**changes: Any) -> WorkNotify:
    """Return the order to tell the payments channel that the run has finished."""
    data = _data(
        changes,
        moment="finished",
        to="${env:SLACK_URL}",
        name="payments channel",
        title="checkout 2.4.1 in prod: rolled back",
        text="errors: 4.1 % of 2300 requests against 0.1 % before",
        urgent=True,
        version="2.4.1",
        outcome="rolled_back",
    )
    return WorkNotify(**_envelope("orchestrator", changes), data=WorkNotifyData(**data))


_BUILDERS: dict[type[Message], Callable[..., AnyMessage]] = {
    DeployRequested: deploy_requested,
    DeployAdvanced: deploy_advanced,
    DeployVerified: deploy_verified,
    DeployStepFinished: deploy_step_finished,
    DeployExecuted: deploy_executed,
    DeployBaselined: deploy_baselined,
    DeployObserved: deploy_observed,
    DeployEvidenced: deploy_evidenced,
    DeployJudged: deploy_judged,
    DeployRecorded: deploy_recorded,
    DeployNotified: deploy_notified,
    DeployFinished: deploy_finished,
    WorkVerify: work_verify,
    WorkDeploy: work_deploy,
    WorkInspect: work_inspect,
    DeployInspected: deploy_inspected,
    WorkRollback: work_rollback,
    WorkWatch: work_watch,
    WorkRecord: work_record,
    WorkNotify: work_notify,
}
