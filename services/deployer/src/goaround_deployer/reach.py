"""The schemas that this worker can reach: by a migration tool's commands, and by a connection."""

from collections.abc import Mapping
from dataclasses import dataclass

from goaround_deployer import tooling
from goaround_deployer.database import Database, database_of
from goaround_deployer.schemas import Copy, NotCopied
from goaround_deployer.steps.program import Programs
from goaround_deployer.steps.question import Questions
from goaround_deployer.tooling import NotTold
from goaround_migrating import Fingerprint
from goaround_migrating.keeping import NotKept, keep
from goaround_migrating.tools import Script
from goaround_schemas.guide.step import Migrations


@dataclass(frozen=True)
class ReachableSchemas:
    """Asks the guide's tool by its commands, and the database by the URL that the guide names."""

    programs: Programs
    worker: Mapping[str, str]

    async def fingerprint(self, migrations: Migrations) -> Fingerprint:
        """Return the fingerprint of the schema that the guide names; it must name one."""
        return await self._database(migrations).fingerprint(migrations)

    async def pending(
        self, migrations: Migrations, values: Mapping[str, str], current: str
    ) -> tuple[Script, ...]:
        """Return what `apply` would run from that revision on, oldest first."""
        return await tooling.pending(self._ask(values), migrations, current)

    async def applied_since(
        self, migrations: Migrations, values: Mapping[str, str], before: str, now: str
    ) -> tuple[Script, ...]:
        """Return what was applied between two revisions, oldest first, with its ways back."""
        return await tooling.applied_since(self._ask(values), migrations, before, now)

    async def keep(
        self, migrations: Migrations, downs: tuple[str, ...], run_id: str
    ) -> tuple[Copy, ...]:
        """Copy what these scripts would drop to tables of its own; asked again, it does no more."""
        try:
            database = self._database(migrations)
        except NotTold as error:
            raise NotCopied(error.why) from error
        try:
            kept = await keep(
                database.url, downs, run_id, within_s=migrations.timeout.total_seconds()
            )
        except NotKept as error:
            raise NotCopied(database.mask.apply(str(error))) from error
        return tuple(Copy(k.table, k.restore_sql) for k in kept)

    def _database(self, migrations: Migrations) -> Database:
        database = database_of(migrations, self.worker)
        if database is None:
            raise NotTold("the guide does not name the database (deploy: migrations: database)")
        return database

    def _ask(self, values: Mapping[str, str]) -> Questions:
        return Questions(self.programs, self.worker, values)
