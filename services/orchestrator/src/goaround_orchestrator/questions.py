"""What each matrix asks, by the guide. Pure: the templates still stand."""

from collections.abc import Iterable

from goaround_orchestrator.run import Run
from goaround_schemas.guide import Check, Guide, HealthMatrix

Asked = tuple[str, Check]
"""A check of the guide, and the category under which it is asked."""


def of(category: str, checks: Iterable[Check]) -> list[Asked]:
    """Ask these under one category."""
    return [(category, check) for check in checks]


def health(matrix: HealthMatrix) -> list[Asked]:
    """The health verification matrix."""
    return [
        *of("liveness", matrix.liveness),
        *of("readiness", matrix.readiness),
        *of("dependency", matrix.dependency),
        *of("smoke", matrix.smoke),
    ]


def preflight(guide: Guide, run: Run) -> list[Asked]:
    """The pre-flight matrix, as far as checks tell it."""
    pre, running = guide.preflight, guide.running
    asked: list[Asked] = []
    if running:
        # What runs now may well not answer, in a first deployment: it never decides alone.
        optional = running.model_copy(update={"required": False})
        asked.append(("running", optional))
    asked += of("ci", pre.ci)
    asked += of("dashboards", pre.dashboards)
    asked += of("checks", pre.checks)
    if run.previous_version is not None:
        possible = guide.rollback.possible
        asked += of("rollback, artifact", possible.artifact)
        asked += of("rollback, configuration", possible.configuration)
    return asked
