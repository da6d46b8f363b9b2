"""Corrections of the guide that a run's own times prove: timeouts that are too tight.

Pure. What was done well but used more than four fifths of its time will be cut off one day, and
what was cut off needs more. A run that failed for another reason teaches nothing of what it did
just before: a sick version is slow, and must not loosen the bounds that caught it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Literal

from pydantic import BaseModel

from goaround_guidebook import Context, NotCorrectable, Unresolved, correct, read, render
from goaround_guidebook.tree import Path
from goaround_schemas.duration import show_duration
from goaround_schemas.guide import Guide, Readiness, Step
from goaround_schemas.matrix import Matrix, RowOutcome
from goaround_schemas.outcome import GuideCorrection
from goaround_schemas.procedure import StepResult
from goaround_schemas.recording import WorkRecordData

TIGHT = 0.8  # of its time; above that, the next slow day is a failed deployment
FACTOR = 2.0
_ROUND_S = (1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300, 450, 600, 900, 1200, 1800)
_CUT_OFF = re.compile(
    r"(?:did not end|(?:GET|POST|PUT|PATCH|DELETE) \S+: no answer) within (?P<s>[0-9.e+]+) s\b"
)

Procedure = Literal["deploy", "rollback"]


@dataclass(frozen=True, slots=True)
class Bound:
    """One timeout of the guide. `written` is False for a default that the guide does not name."""

    path: Path
    field: str
    limit: timedelta
    written: bool


@dataclass(frozen=True, slots=True)
class Timing:
    """How one bound fared in the run."""

    procedure: Procedure
    bound: Bound
    seconds: float
    cut_off: bool


@dataclass(frozen=True, slots=True)
class Lesson:
    """What the run proposes, and what was tight but proves nothing."""

    corrections: tuple[GuideCorrection, ...]
    not_learned: tuple[str, ...]


def learn(run: WorkRecordData) -> Lesson:
    """Return what the run's times say of the guide that it followed.

    Raises:
        GuideInvalid: The text is no guide.
    """
    guide = read(run.guide_text, run.guide_name)
    worst: dict[Path, Timing] = {}
    ignored: list[str] = []
    for timing in _timings(run, guide):
        limit_s = timing.bound.limit.total_seconds()
        if not timing.cut_off and timing.seconds <= TIGHT * limit_s:
            continue
        if not timing.cut_off and not _went_well(run, timing.procedure):
            ignored.append(
                f"{timing.bound.field} was tight ({timing.seconds:g} s of {limit_s:g} s), but "
                f"the run was {run.outcome} for another reason: nothing is learned from it"
            )
            continue
        known = worst.get(timing.bound.path)
        if known is None or (timing.cut_off, timing.seconds) > (known.cut_off, known.seconds):
            worst[timing.bound.path] = timing
    return Lesson(tuple(_proposal(run, t) for t in worst.values()), tuple(ignored))


def round_up(seconds: float) -> timedelta:
    """Return the next length of time that a person would write."""
    nice = next((s for s in _ROUND_S if s >= seconds - 1e-9), None)
    return timedelta(seconds=nice if nice is not None else ceil(seconds / 1800) * 1800)


def _went_well(run: WorkRecordData, procedure: Procedure) -> bool:
    if procedure == "deploy":
        return run.outcome == "succeeded"
    return run.outcome in ("rolled_back", "succeeded")


def _timings(run: WorkRecordData, guide: Guide) -> Iterator[Timing]:
    yield from _of_steps(run, guide, "deploy", run.steps)
    back = run.rollback
    yield from _of_steps(run, guide, "rollback", back.steps if back else ())
    if run.version == run.previous_version:
        return  # whose readiness a matrix tells cannot be told
    for matrix in run.verification:
        if matrix.kind != "readiness":
            continue
        if matrix.of == run.version:
            yield from _of_readiness(guide.deploy.ready, matrix, "deploy")
        elif matrix.of == run.previous_version:
            yield from _of_readiness(guide.rollback.ready, matrix, "rollback")


def _of_steps(
    run: WorkRecordData, guide: Guide, procedure: Procedure, results: Iterable[StepResult]
) -> Iterator[Timing]:
    bounds = _step_bounds(run, guide, procedure)
    for result in results:
        bound = _migration_bound(guide) if result.kind == "migration" else bounds.get(result.name)
        if bound is None:
            continue
        limit_s = bound.limit.total_seconds()
        cut = _CUT_OFF.match(result.detail) if result.outcome != "done" else None
        if cut and cut["s"] == f"{limit_s:g}":
            yield Timing(procedure, bound, limit_s, cut_off=True)
        # The time of several tries is not the time of one.
        elif result.outcome == "done" and result.attempts == 1:
            yield Timing(procedure, bound, result.seconds, cut_off=False)


def _migration_bound(guide: Guide) -> Bound | None:
    migrations = guide.deploy.migrations
    if migrations is None:
        return None
    path: Path = ("deploy", "migrations", "timeout")
    written = "timeout" in migrations.model_fields_set
    return Bound(path, "deploy.migrations.timeout", migrations.timeout, written)


class _Name(BaseModel, frozen=True):
    name: str


def _step_bounds(run: WorkRecordData, guide: Guide, procedure: Procedure) -> dict[str, Bound]:
    """Return the bounds by the names that steps had in this run; doubtful names are left out."""
    way, steps = _way(run, guide, procedure)
    found: dict[str, Bound] = {}
    doubtful: set[str] = set()
    for i, step in enumerate(steps):
        field = f"{procedure}.{way}[{step.name}].timeout"
        written = "timeout" in step.model_fields_set
        bound = Bound((procedure, way, i, "timeout"), field, step.timeout, written)
        for name in _names(run, guide, step):
            if name in found and found[name] != bound:
                doubtful.add(name)
            found[name] = bound
    return {name: bound for name, bound in found.items() if name not in doubtful}


def _way(run: WorkRecordData, guide: Guide, procedure: Procedure) -> tuple[str, tuple[Step, ...]]:
    if procedure == "deploy":
        return "steps", guide.deploy.steps
    if run.previous_version is None:
        return "first", guide.rollback.first
    return "steps", guide.rollback.steps


def _names(run: WorkRecordData, guide: Guide, step: Step) -> set[str]:
    environment = guide.environments.get(run.environment)
    names: set[str] = set()
    for stage in guide.stages:
        context = Context(
            version=run.version or "",
            previous_version=run.previous_version,
            environment=run.environment,
            run_id=run.run_id,
            stage_name=stage.name,
            stage_weight=stage.weight,
            vars=environment.vars if environment else {},
        )
        try:
            names.add(render(_Name(name=step.name), context).name)
        except Unresolved:
            continue
    return names


def _of_readiness(
    ready: Readiness | None, matrix: Matrix, procedure: Procedure
) -> Iterator[Timing]:
    if ready is None or len(ready.checks) != len(matrix.rows):
        return
    for i, (check, row) in enumerate(zip(ready.checks, matrix.rows, strict=True)):
        if row.outcome is not RowOutcome.PASSED:
            continue  # whether more time would have helped, nobody can say
        root: Path = (procedure, "ready")
        if check.within is not None:
            field = f"{procedure}.ready.checks[{check.title}].within"
            bound = Bound((*root, "checks", i, "within"), field, check.within, written=True)
        else:
            written = "within" in ready.model_fields_set
            bound = Bound((*root, "within"), f"{procedure}.ready.within", ready.within, written)
        if bound.limit:
            yield Timing(procedure, bound, row.seconds, cut_off=False)


def _proposal(run: WorkRecordData, timing: Timing) -> GuideCorrection:
    bound = timing.bound
    limit = f"{bound.limit.total_seconds():g} s"
    limit = limit if bound.written else f"the default {limit}"
    took = f"took {timing.seconds:.4g} s of {limit}"
    said = f"was cut off after {limit}" if timing.cut_off else took
    evidence = f"{said} in run {run.run_id} ({run.version or 'no version'}, {run.environment})"
    proposed = show_duration(round_up(FACTOR * timing.seconds))
    try:
        diff = correct(run.guide_text, bound.path, proposed, run.guide_name).diff
    except NotCorrectable as error:
        diff, evidence = "", f"{evidence}; to be written by hand, since {error.why}"
    return GuideCorrection(
        field=bound.field,
        was=show_duration(bound.limit),
        proposed=proposed,
        evidence=evidence,
        diff=diff,
    )
