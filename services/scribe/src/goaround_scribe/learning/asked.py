"""The guide's checks, where they stand, and the rows in which runs answered them.

Pure. A row is known by its matrix, its category and its name; two checks that share all three are
no proof of either.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from goaround_guidebook.tree import Path
from goaround_schemas.guide import Check, Guide, HealthMatrix
from goaround_schemas.matrix import MatrixRow
from goaround_scribe.learning.memory import Memory, RecordedRun
from goaround_scribe.learning.naming import names_of
from goaround_scribe.learning.procedure import Procedure

CATEGORIES = ("liveness", "readiness", "dependency", "smoke")


@dataclass(frozen=True, slots=True)
class Asked:
    """One check of the guide, and by what its rows are known."""

    path: Path
    field: str
    check: Check
    matrix: str
    category: str
    back: bool = False
    """It looks at the previous version."""

    @property
    def procedure(self) -> Procedure:
        """The procedure that it belongs to."""
        return "rollback" if self.back else "deploy"

    @property
    def waits(self) -> bool:
        """Whether it is asked until it passes: to be asked often is its nature."""
        return self.check.within is not None or self.matrix == "readiness"


@dataclass(frozen=True, slots=True)
class Answers:
    """What one run's matrices answered to one check."""

    run: RecordedRun
    rows: tuple[MatrixRow, ...]


def checks_of(guide: Guide) -> tuple[Asked, ...]:
    """Return every check of the guide in its order."""
    return tuple(_all(guide))


def answers_to(
    guide: Guide, asked: Asked, memory: Memory, *, good: bool = False
) -> dict[str, tuple[Answers, ...]]:
    """Return the answers by environment, newest first: of every run that asked, or of good ones.

    It ends at the first good run that asked its matrix and did not know the check.
    """
    found: dict[str, tuple[Answers, ...]] = {}
    for environment, runs in memory.by_environment.items():
        answers: list[Answers] = []
        for run in runs:
            went_well = run.went_well(asked.procedure)
            if good and not went_well:
                continue
            rows = _rows(guide, asked, run)
            if rows is None:
                continue
            if rows:
                answers.append(Answers(run, rows))
            elif went_well:
                break
        if answers:
            found[environment] = tuple(answers)
    return found


def _rows(guide: Guide, asked: Asked, run: RecordedRun) -> tuple[MatrixRow, ...] | None:
    """Return the rows of a check; None where the run did not come to its matrix."""
    of = ""
    if asked.matrix == "readiness":
        if run.version == run.previous_version:
            return None  # whose readiness a matrix tells cannot be told
        of = (run.previous_version if asked.back else run.version) or ""
    if (asked.matrix, of, "") not in run.answers:
        return None
    named = run.answers.get((asked.matrix, of, asked.category), {})
    names = names_of(guide, run, asked.check.title, back=asked.back) if named else ()
    return tuple(row for name in sorted(names) for row in named.get(name, ()))


def _all(guide: Guide) -> Iterator[Asked]:
    pre, possible = guide.preflight, guide.rollback.possible
    lists: tuple[tuple[Path, tuple[Check, ...], str, str, bool], ...] = (
        (("preflight", "ci"), pre.ci, "preflight", "ci", False),
        (("preflight", "dashboards"), pre.dashboards, "preflight", "dashboards", False),
        (("preflight", "checks"), pre.checks, "preflight", "checks", False),
        (
            ("rollback", "possible", "artifact"),
            possible.artifact,
            "preflight",
            "rollback, artifact",
            False,
        ),
        (
            ("rollback", "possible", "configuration"),
            possible.configuration,
            "preflight",
            "rollback, configuration",
            False,
        ),
    )
    for root, checks, matrix, category, back in lists:
        yield from _listed(root, checks, matrix, category, back=back)
    for procedure, ready in (("deploy", guide.deploy.ready), ("rollback", guide.rollback.ready)):
        if ready is not None:
            root = (procedure, "ready", "checks")
            back = procedure == "rollback"
            yield from _listed(root, ready.checks, "readiness", "readiness", back=back)
    yield from _health(("verify",), guide.verify, "health", back=False)
    if guide.rollback.verify is not None:
        yield from _health(
            ("rollback", "verify"), guide.rollback.verify, "rollback_health", back=True
        )


def _health(root: Path, matrix: HealthMatrix, kind: str, *, back: bool) -> Iterator[Asked]:
    lists = (matrix.liveness, matrix.readiness, matrix.dependency, matrix.smoke)
    for category, checks in zip(CATEGORIES, lists, strict=True):
        yield from _listed((*root, category), checks, kind, category, back=back)


def _listed(
    root: Path, checks: tuple[Check, ...], matrix: str, category: str, *, back: bool
) -> Iterator[Asked]:
    titles = [check.title for check in checks]
    where = ".".join(str(part) for part in root)
    for i, check in enumerate(checks):
        if titles.count(check.title) == 1:
            yield Asked((*root, i), f"{where}[{check.title}]", check, matrix, category, back=back)
