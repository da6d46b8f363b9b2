"""The guide's bounds of time, and how much of each a run used.

Pure. How long a thing took does not depend on the guide of that day, so old runs count too, as
far back as there was a thing of that name; the time of several tries is not the time of one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from goaround_guidebook.tree import Path
from goaround_schemas.guide import Guide, Readiness
from goaround_schemas.matrix import Matrix, RowOutcome
from goaround_schemas.procedure import StepResult
from goaround_scribe.learning.memory import Memory, RecordedRun
from goaround_scribe.learning.naming import names_of
from goaround_scribe.learning.procedure import Procedure, way_of

PROCEDURES: tuple[Procedure, ...] = ("deploy", "rollback")


@dataclass(frozen=True, slots=True)
class Bound:
    """One timeout of the guide. `written` is False for a default that the guide does not name."""

    path: Path
    field: str
    limit: timedelta
    written: bool
    floor_s: float = 30.0
    """Below that it is never tightened: a slow disk or a cold cache must have room."""

    @property
    def said(self) -> str:
        """The limit as evidence tells it."""
        limit = f"{self.limit.total_seconds():g} s"
        return limit if self.written else f"the default {limit}"


@dataclass(frozen=True, slots=True)
class Use:
    """How much of one bound one run used, at most."""

    procedure: Procedure
    bound: Bound
    run: RecordedRun
    seconds: float


@dataclass(frozen=True, slots=True)
class History:
    """One bound and its use by every good run on record."""

    bound: Bound
    uses: dict[str, tuple[Use, ...]]
    """By environment, newest first."""

    @property
    def longest(self) -> Use:
        """The use that took longest, wherever it was; of equals the newest of the first place."""
        return max((u for uses in self.uses.values() for u in uses), key=lambda u: u.seconds)

    @property
    def count(self) -> int:
        """How many good runs it rests on."""
        return sum(len(uses) for uses in self.uses.values())


def histories(guide: Guide, memory: Memory) -> tuple[History, ...]:
    """Return what good runs used of each bound, in the order of the guide."""
    found: dict[Path, dict[str, list[Use]]] = {}
    bounds: dict[Path, Bound] = {}
    for environment, runs in memory.by_environment.items():
        gone: set[Path] = set()
        for run in runs:
            for procedure in PROCEDURES:
                if not run.went_well(procedure):
                    continue
                for use in uses_of(guide, run, procedure):
                    path = use.bound.path
                    if path in gone:
                        continue
                    bounds[path] = use.bound
                    by_place = found.setdefault(path, {})
                    by_place.setdefault(environment, []).append(use)
                gone |= _absent(guide, run, procedure)
    return tuple(
        History(bounds[path], {place: tuple(uses) for place, uses in found[path].items()})
        for path in sorted(found, key=str)
    )


def uses_of(guide: Guide, run: RecordedRun, procedure: Procedure) -> tuple[Use, ...]:
    """Return what a run used of each bound of a procedure, the longest where it did so twice."""
    worst: dict[Path, Use] = {}
    timed = (
        *_of_steps(guide, run, procedure),
        *_of_readiness(guide, run, procedure),
    )
    for bound, seconds in timed:
        known = worst.get(bound.path)
        if known is None or seconds > known.seconds:
            worst[bound.path] = Use(procedure, bound, run, seconds)
    return tuple(worst.values())


def results_of(run: RecordedRun, procedure: Procedure) -> tuple[StepResult, ...]:
    """Return what became of the steps of a procedure."""
    if procedure == "deploy":
        return run.steps
    return run.rollback.steps if run.rollback else ()


def bound_of(
    guide: Guide, run: RecordedRun, procedure: Procedure, result: StepResult
) -> Bound | None:
    """Return the bound that a step of a run had; None where its name leads to none, or to two."""
    if result.kind == "migration":
        return _migration_bound(guide)
    return step_bounds(guide, run, procedure).get(result.name)


def step_bounds(guide: Guide, run: RecordedRun, procedure: Procedure) -> dict[str, Bound]:
    """Return the bounds by the names that steps had in a run; doubtful names are left out."""
    way, steps = way_of(guide, procedure, run.previous_version)
    found: dict[str, Bound] = {}
    doubtful: set[str] = set()
    for i, step in enumerate(steps):
        field = f"{procedure}.{way}[{step.name}].timeout"
        written = "timeout" in step.model_fields_set
        bound = Bound((procedure, way, i, "timeout"), field, step.timeout, written)
        for name in names_of(guide, run, step.name):
            if name in found and found[name] != bound:
                doubtful.add(name)
            found[name] = bound
    return {name: bound for name, bound in found.items() if name not in doubtful}


def _absent(guide: Guide, run: RecordedRun, procedure: Procedure) -> set[Path]:
    """Return the steps' bounds that a run had no step for: there was none of that name yet."""
    results = results_of(run, procedure)
    if not any(result.kind == "step" for result in results):
        return set()
    bounds = step_bounds(guide, run, procedure)
    there = {bounds[r.name].path for r in results if r.name in bounds}
    return {bound.path for bound in bounds.values()} - there


def _of_steps(
    guide: Guide, run: RecordedRun, procedure: Procedure
) -> Iterator[tuple[Bound, float]]:
    bounds = step_bounds(guide, run, procedure)
    for result in results_of(run, procedure):
        if result.outcome != "done" or result.attempts != 1:
            continue
        is_migration = result.kind == "migration"
        bound = _migration_bound(guide) if is_migration else bounds.get(result.name)
        if bound is not None and not (is_migration and _nothing_moved(run)):
            yield bound, result.seconds


def _nothing_moved(run: RecordedRun) -> bool:
    """Tell whether there was nothing to migrate: how short that took says nothing of migrations."""
    moved = run.migration
    return moved is not None and moved.before is not None and moved.before == moved.after


def _migration_bound(guide: Guide) -> Bound | None:
    migrations = guide.deploy.migrations
    if migrations is None:
        return None
    path: Path = ("deploy", "migrations", "timeout")
    written = "timeout" in migrations.model_fields_set
    return Bound(path, "deploy.migrations.timeout", migrations.timeout, written, floor_s=120.0)


def _of_readiness(
    guide: Guide, run: RecordedRun, procedure: Procedure
) -> Iterator[tuple[Bound, float]]:
    back = procedure == "rollback"
    ready = guide.rollback.ready if back else guide.deploy.ready
    of = run.previous_version if back else run.version
    if ready is None or run.version == run.previous_version:
        return  # whose readiness a matrix tells cannot be told
    seen = [m for m in run.verification if m.kind == "readiness" and m.of == of]
    if seen:
        yield from _waited(guide, run, ready, seen, procedure)


def _waited(
    guide: Guide, run: RecordedRun, ready: Readiness, seen: Iterable[Matrix], procedure: Procedure
) -> Iterator[tuple[Bound, float]]:
    bounds: dict[str, Bound] = {}
    doubtful: set[str] = set()
    for i, check in enumerate(ready.checks):
        root: Path = (procedure, "ready")
        if check.within is not None:
            field = f"{procedure}.ready.checks[{check.title}].within"
            bound = Bound((*root, "checks", i, "within"), field, check.within, written=True)
        else:
            written = "within" in ready.model_fields_set
            bound = Bound((*root, "within"), f"{procedure}.ready.within", ready.within, written)
        for name in names_of(guide, run, check.title, back=procedure == "rollback"):
            if name in bounds and bounds[name] != bound:
                doubtful.add(name)
            bounds[name] = bound
    for matrix in seen:
        for row in matrix.rows:
            known = None if row.name in doubtful else bounds.get(row.name)
            if known is None or not known.limit:
                continue
            if row.outcome is RowOutcome.PASSED:  # else nobody can say whether more would help
                yield known, row.seconds
