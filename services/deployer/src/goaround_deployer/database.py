"""The database that a guide names: its URL, resolved on this worker, and never shown."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from goaround_deployer.steps.secret import mask_of
from goaround_deployer.tooling import NotTold
from goaround_migrating import BOOKKEEPING, Fingerprint, fingerprint
from goaround_migrating.connecting import Refused, connected
from goaround_schemas.guide.step import Migrations
from goaround_secrets import Mask, ReferenceMalformed, Resolved, SecretMissing, resolve

_FINGERPRINT_S = 60.0
"""Thirty times what five hundred tables take."""


@dataclass(frozen=True)
class Database:
    """A database's URL, as PostgreSQL's own clients take it.

    `scheme` is what the guide has in front of it, which may name a driver (`postgresql+asyncpg`).
    """

    url: str = field(repr=False)
    scheme: str
    mask: Mask = field(repr=False, compare=False)

    def spelled(self, url: str) -> str:
        """Return another database's URL as the guide's own tools expect to be given one."""
        return f"{self.scheme}://{url.partition('://')[2]}"

    async def fingerprint(self, migrations: Migrations) -> Fingerprint:
        """Return what its schema is now, without the tables in which the tool keeps its own.

        Raises:
            NotTold: It could not be asked.
        """
        try:
            async with asyncio.timeout(_FINGERPRINT_S), connected(self.url) as connection:
                return await fingerprint(connection, leave_out=kept_by_tools(migrations))
        except Refused as error:
            why = self.mask.apply(str(error))
        except TimeoutError:
            why = f"the database's catalogue was not read within {_FINGERPRINT_S:g} s"
        raise NotTold(f"the schema's fingerprint could not be taken: {why}")


def kept_by_tools(migrations: Migrations) -> frozenset[str]:
    """Return the names of tables in which migration tools keep what they have applied."""
    return BOOKKEEPING | frozenset(migrations.bookkeeping)


def database_of(migrations: Migrations, worker: Mapping[str, str]) -> Database | None:
    """Return the database that the migrations are for; None where the guide does not say.

    Raises:
        NotTold: The secret is not there, or is no URL.
    """
    if migrations.database is None:
        return None
    return database_at(migrations.database, worker, "deploy.migrations.database")


def database_at(reference: str, worker: Mapping[str, str], place: str) -> Database:
    """Return the database that a reference in the guide leads to; `place` names its field.

    Raises:
        NotTold: The secret is not there, or is no URL.
    """
    try:
        found: Resolved = resolve(reference, worker)
    except (ReferenceMalformed, SecretMissing) as error:
        raise NotTold(f"{place}: {error}") from error
    scheme, colon, rest = found.value.partition("://")
    kind = scheme.partition("+")[0]
    if not colon or kind not in ("postgresql", "postgres"):
        raise NotTold(
            f"{place}: what {reference} holds is no URL of a PostgreSQL database "
            f"(postgresql://user:password@host:5432/name)"
        )
    # All of it counts as secret: a guide may keep the password in a part of it only.
    mask = mask_of(found.secrets | {found.value, f"{kind}://{rest}"})
    return Database(f"{kind}://{rest}", scheme, mask)
