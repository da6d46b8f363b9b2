"""Steps: what changes the world, and what may be done again."""

from datetime import timedelta
from typing import Any, Literal, Self, cast

from pydantic import Field, field_validator, model_validator

from goaround_schemas.duration import Duration
from goaround_schemas.guide.check import Readiness
from goaround_schemas.guide.model import Argv, GuideModel, exactly_one


class HttpStep(GuideModel, frozen=True):
    """One HTTP request that changes something."""

    url: str
    method: Literal["POST", "PUT", "PATCH", "DELETE", "GET"] = "POST"
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    body: Any = Field(default=None, description="A text is sent as it is, anything else as JSON.")
    status: tuple[int, ...] = Field(
        default=(), description="Statuses that mean done; any 2xx if empty."
    )


class Step(GuideModel, frozen=True):
    """One thing to do, and what may be done when nobody knows whether it was."""

    name: str = Field(min_length=1)
    run: Argv | None = None
    script: str | None = Field(
        default=None,
        description="A text for sh; values reach it as environment variables only "
        "(GOAROUND_VERSION, GOAROUND_PREVIOUS_VERSION, ...): templates are not replaced in it.",
    )
    http: HttpStep | None = None
    env: dict[str, str] = Field(default_factory=dict[str, str])
    dir: str | None = None
    timeout: Duration = timedelta(minutes=10)
    retries: int = Field(default=0, ge=0, le=20, description="Further tries after a failure.")
    idempotent: bool = Field(
        default=False,
        description="May be done again. Else a crash in mid-step is 'unknown': it goes around.",
    )
    only: tuple[str, ...] = Field(default=(), description="Stages it belongs to; all if empty.")
    when: Literal["deploy", "after_green"] = Field(
        default="deploy",
        description="after_green: done once the last stage is Green, and never taken back. For "
        "what the previous version could not live with: a dropped column, a new constraint.",
    )

    @field_validator("run")
    @classmethod
    def _not_empty(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None and (not value or not value[0].strip()):
            raise ValueError("a command is a list whose first item is the program")
        return value

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        exactly_one(self, "run", "script", "http")
        if self.retries and not self.idempotent:
            raise ValueError("retries need idempotent: true, since a try may have done its work")
        return self


Loss = Literal["lossy", "irreversible"]
"""What a migration may do that no way back makes good. What is unknown counts as irreversible."""


class Alembic(GuideModel, frozen=True):
    """Migrations that Alembic keeps."""

    config: str = Field(default="alembic.ini", description="Below `dir`, if that is given.")
    program: Argv = ("alembic",)


class SqlFiles(GuideModel, frozen=True):
    """Migrations as files of SQL, applied by goaround itself unless the guide has commands."""

    folder: str = Field(description="Where they lie; below `dir`, if that is given.")
    layout: Literal["pairs", "dbmate", "goose", "flyway"] = Field(
        default="pairs",
        description="pairs: 0003_note.up.sql beside 0003_note.down.sql. flyway: V3__ beside U3__. "
        "dbmate and goose: both ways in one file, under their marks.",
    )


class Rehearsal(GuideModel, frozen=True):
    """How the migrations are tried on a scratch copy of the schema: up, down, and up again."""

    server: str = Field(
        description="URL of a PostgreSQL server on which databases may be made and dropped, as a "
        "reference. Never that of `database` itself, if it can be helped."
    )
    before_deploy: bool = Field(
        default=True, description="Rehearse in each pre-flight; false: only when it is asked for."
    )
    smoke: tuple[Step, ...] = Field(
        default=(),
        description="What the previous version must still be able to do with the new schema. Run "
        "with `database_env` naming the scratch copy.",
    )
    within: Duration = timedelta(minutes=5)


GOAROUND_SQL = "goaround-sql"
"""The program that applies files of SQL, wherever the deployer is installed."""


class Migrations(GuideModel, frozen=True):
    """How the database's schema is asked for, moved forward, and moved back.

    With `alembic` or `files` the commands may be left out: the tool's own stand in for them. With
    any other tool `current` and `apply` are needed, and `sql` lets its migrations be judged before
    they run.
    """

    current: Argv = Field(description="Prints the revision that the database is at.")
    apply: Argv
    revert: Argv | None = Field(default=None, description="May use {migration.before}.")
    alembic: Alembic | None = None
    files: SqlFiles | None = None
    sql: Argv | None = Field(
        default=None,
        description="Prints the SQL that `apply` would run. Changes nothing. With "
        "{migration.before} it prints what leads on from there, applied or not, so that it can "
        "be asked on the way back too.",
    )
    revert_sql: Argv | None = Field(
        default=None,
        description="Prints the SQL that would take back what `sql` prints; likewise.",
    )
    database: str | None = Field(
        default=None,
        description="The database's URL, as a reference: ${env:DATABASE_URL}. The schema's "
        "fingerprint is taken there, and SQL files are applied there.",
    )
    database_env: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="The environment variable in which the commands find the database's URL.",
    )
    bookkeeping: tuple[str, ...] = Field(
        default=(),
        description="Tables in which the tool keeps what it has applied, where it is not one of "
        "the known ones: no part of the schema, and copied with their rows in a rehearsal.",
    )
    allow: tuple[Loss, ...] = Field(
        default=(), description="What is let through without asking: the guide's word."
    )
    allow_revert: tuple[Loss, ...] = Field(
        default=(),
        description="What a rollback may drop of what was written meanwhile; it is copied aside "
        "first. Without it such a revert is refused, and the schema stays.",
    )
    on_rollback: Literal["revert", "keep"] = Field(
        default="revert",
        description="keep: the previous version runs on the new schema, if that is compatible.",
    )
    rehearse: Rehearsal | None = None
    env: dict[str, str] = Field(default_factory=dict[str, str])
    dir: str | None = None
    timeout: Duration = timedelta(minutes=10)

    @field_validator("current", "apply", "revert", "sql", "revert_sql")
    @classmethod
    def _commands(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None and (not value or not value[0].strip()):
            raise ValueError("a command is a list whose first item is the program")
        return value

    @model_validator(mode="before")
    @classmethod
    def _commands_of_the_tool(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        parts = cast("dict[str, Any]", given)
        if {"current", "apply", "revert"} & set(parts):
            return parts
        if isinstance(tool := parts.get("alembic"), (dict, Alembic)):
            return {**_of_alembic(Alembic.model_validate(tool)), **parts}
        if isinstance(tool := parts.get("files"), (dict, SqlFiles)):
            return {**_of_files(SqlFiles.model_validate(tool)), **parts}
        return parts

    @model_validator(mode="after")
    def _one_tool(self) -> Self:
        if self.alembic and self.files:
            raise ValueError("alembic and files are two tools; name one of them")
        if self.sql and (self.alembic or self.files):
            raise ValueError("sql is for other tools than alembic and files, which are asked")
        if self.revert_sql and not self.sql:
            raise ValueError("revert_sql is the way back of what sql prints: give sql too")
        if self.apply[0] == GOAROUND_SQL and not self.database:
            raise ValueError("files without commands need database: where are they applied?")
        if self.rehearse and not self.database:
            raise ValueError("rehearse needs database: what is to be copied?")
        if self.rehearse and not self.database_env:
            raise ValueError(
                "rehearse needs database_env: how do the commands learn of the scratch copy?"
            )
        return self

    @property
    def can_be_judged(self) -> bool:
        """Whether the SQL of what is pending can be had before it runs."""
        return bool(self.alembic or self.files or self.sql)


def _of_alembic(tool: Alembic) -> dict[str, Any]:
    program = (*tool.program, "-c", tool.config)
    return {
        "current": (*program, "current"),
        "apply": (*program, "upgrade", "head"),
        "revert": (*program, "downgrade", "{migration.before}"),
    }


def _of_files(tool: SqlFiles) -> dict[str, Any]:
    where = ("--folder", tool.folder, "--layout", tool.layout)
    return {
        "current": (GOAROUND_SQL, "current", *where),
        "apply": (GOAROUND_SQL, "apply", *where),
        "revert": (GOAROUND_SQL, "revert", "{migration.before}", *where),
        "database_env": "GOAROUND_DATABASE_URL",
    }


class DeployProcedure(GuideModel, frozen=True):
    """How a version comes to run."""

    migrations: Migrations | None = None
    steps: tuple[Step, ...] = Field(min_length=1)
    ready: Readiness | None = None
