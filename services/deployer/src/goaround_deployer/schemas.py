"""What is asked of a database's schema and of the tool that moves it, as `migration` sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, Protocol

from goaround_deployer.tooling import NotTold
from goaround_migrating import Fingerprint
from goaround_migrating.tools import Script
from goaround_schemas.guide.step import Migrations


class NotCopied(Exception):
    """What a revert would drop could not be copied first; one line, without secrets."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Copy:
    """A table that holds what a revert dropped, and the statement that gives it back."""

    table: str
    restore_sql: str


class Schemas(Protocol):
    """Looks at schemas, and at what is about to be done to them. Moves none."""

    async def fingerprint(self, migrations: Migrations) -> Fingerprint:
        """Return the fingerprint of the schema that the guide names; it must name one.

        Raises:
            NotTold: It could not be taken.
        """
        ...

    async def pending(
        self, migrations: Migrations, values: Mapping[str, str], current: str
    ) -> tuple[Script, ...]:
        """Return what `apply` would run from that revision on, oldest first.

        Raises:
            NotTold: The tool does not say.
        """
        ...

    async def applied_since(
        self, migrations: Migrations, values: Mapping[str, str], before: str, now: str
    ) -> tuple[Script, ...]:
        """Return what was applied between two revisions, oldest first, with its ways back.

        Raises:
            NotTold: The tool does not say.
        """
        ...

    async def keep(
        self, migrations: Migrations, downs: tuple[str, ...], run_id: str
    ) -> tuple[Copy, ...]:
        """Copy what these scripts would drop to tables of its own; asked again, it does no more.

        Raises:
            NotCopied: Something of it could not be, and nothing was.
        """
        ...


class NoSchemas:
    """Stands in where no database can be reached: every question is answered by saying so."""

    async def fingerprint(self, migrations: Migrations) -> Fingerprint:
        """Refuse."""
        self._refuse()

    async def pending(
        self, migrations: Migrations, values: Mapping[str, str], current: str
    ) -> tuple[Script, ...]:
        """Refuse."""
        self._refuse()

    async def applied_since(
        self, migrations: Migrations, values: Mapping[str, str], before: str, now: str
    ) -> tuple[Script, ...]:
        """Refuse."""
        self._refuse()

    async def keep(
        self, migrations: Migrations, downs: tuple[str, ...], run_id: str
    ) -> tuple[Copy, ...]:
        """Refuse."""
        raise NotCopied(_BLIND)

    def _refuse(self) -> NoReturn:
        raise NotTold(_BLIND)


_BLIND = "this deployer was started without a way to look at databases"
