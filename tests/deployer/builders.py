"""Commands and steps of which a test names only what matters to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from goaround_schemas.guide.step import Migrations, SqlFiles, Step
from goaround_schemas.procedure import (
    WorkDeploy,
    WorkDeployData,
    WorkRollback,
    WorkRollbackData,
)

RUN = "run-1"
MIGRATIONS = Migrations(
    current=("schema", "current"),
    apply=("schema", "apply"),
    revert=("schema", "revert", "{migration.before}"),
)
SEEN = MIGRATIONS.model_copy(update={"database": "${env:SHOP_DB}"})
"""The same with a database in which fingerprints are taken."""
JUDGED = SEEN.model_copy(update={"files": SqlFiles(folder="migrations")})
"""The same of a tool whose SQL can be had."""


def step(name: str, **given: Any) -> Step:
    """A step that runs a program of its own name."""
    if not {"run", "script", "http"} & given.keys():
        given["run"] = (name,)
    if isinstance(given.get("timeout"), int | float):
        given["timeout"] = timedelta(seconds=given["timeout"])
    return Step(name=name, **given)


def _data(steps: tuple[Step, ...], given: dict[str, Any]) -> dict[str, Any]:
    return {
        "run_id": RUN,
        "service": "checkout",
        "environment": "prod",
        "version": "2.0.0",
        "previous_version": "1.0.0",
        "stage": "all",
        "steps": steps,
        **given,
    }


def deploy(*steps: Step, message_id: str = "deploy-1", **given: Any) -> WorkDeploy:
    """A command to deploy."""
    data = WorkDeployData(**_data(steps, given))
    return WorkDeploy(
        id=message_id,
        source="orchestrator",
        subject=data.run_id,
        correlationid=data.run_id,
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        data=data,
    )


def rollback(*steps: Step, message_id: str = "rollback-1", **given: Any) -> WorkRollback:
    """A command to roll back."""
    data = WorkRollbackData(**_data(steps, given))
    return WorkRollback(
        id=message_id,
        source="orchestrator",
        subject=data.run_id,
        correlationid=data.run_id,
        data=data,
    )
