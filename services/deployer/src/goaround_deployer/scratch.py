"""A guide's own migration tool, pointed at a scratch copy: what a rehearsal moves it with."""

from collections.abc import Mapping
from dataclasses import dataclass

from goaround_deployer import tooling
from goaround_deployer.database import Database
from goaround_deployer.procedure import BEFORE
from goaround_deployer.steps.program import Programs
from goaround_deployer.steps.question import Questions
from goaround_deployer.tooling import NotTold
from goaround_migrating.rehearsing import ToolFailed
from goaround_migrating.tools import BASE
from goaround_schemas.guide.model import Argv
from goaround_schemas.guide.step import GOAROUND_SQL, Migrations

_URL_ENV = "GOAROUND_SCRATCH_URL"
SCRATCH = f"${{env:{_URL_ENV}}}"
"""The copy's URL as a reference, so that it is masked wherever it is printed."""


@dataclass(frozen=True)
class ScratchTool:
    """Runs the guide's commands with `database_env` naming another database than the guide's."""

    migrations: Migrations
    database: Database
    programs: Programs
    worker: Mapping[str, str]
    values: Mapping[str, str]

    def worker_with(self, url: str) -> Mapping[str, str]:
        """Return where the reference `SCRATCH` leads to that database."""
        return {**self.worker, _URL_ENV: self.database.spelled(url)}

    async def current(self, url: str) -> str:
        """Return the revision that a database is at."""
        try:
            return await tooling.current(self._ask(url), self.migrations)
        except NotTold as error:
            raise ToolFailed(error.why) from error

    async def apply(self, url: str) -> None:
        """Apply what is pending."""
        await self._run(url, self.migrations.apply)

    async def revert(self, url: str, to: str) -> None:
        """Go back to a revision."""
        revert = self.migrations.revert
        if revert is None:
            raise ToolFailed("the guide has no way back (deploy: migrations: revert)")
        await self._run(url, tuple(part.replace(BEFORE, to) for part in revert))

    async def bring_to(self, url: str, revision: str) -> None:
        """Bring an empty database to a revision, with a tool that knows how to stop there."""
        if revision == BASE:
            return
        migrations = self.migrations
        if migrations.alembic is not None:
            program = (*migrations.alembic.program, "-c", migrations.alembic.config)
            await self._run(url, (*program, "upgrade", revision))
        elif migrations.apply[0] == GOAROUND_SQL:
            await self._run(url, (*migrations.apply, "--to", revision))
        else:
            raise ToolFailed(
                f"`{' '.join(migrations.apply)}` applies all that there is, and cannot be told to "
                f"stop at {revision}; put pg_dump on the PATH of the deployer"
            )

    def _ask(self, url: str) -> Questions:
        return Questions(self.programs, self.worker_with(url), self.values, SCRATCH)

    async def _run(self, url: str, argv: Argv) -> None:
        try:
            told = await self._ask(url)(argv, self.migrations)
        except NotTold as error:
            raise ToolFailed(error.why) from error
        if told.code != 0:
            raise ToolFailed(f"`{' '.join(argv)}` ended with exit code {told.code}{told.printed}")
