"""Asking where a schema is: the guide's own command, and the database's catalogue.

Moves nothing.
"""

from goaround_deployer.runner import Attempt
from goaround_deployer.sight import Sight
from goaround_deployer.tooling import NotTold, environment, revision
from goaround_deployer.work import LeftOff, Work
from goaround_schemas.guide.model import Argv
from goaround_schemas.guide.step import GOAROUND_SQL, Migrations, Step


async def look(work: Work, migrations: Migrations) -> Sight:
    """Return where the schema is, as far as it can be told.

    Raises:
        LeftOff: A rollback wants us to.
    """
    asked = await _current(work, migrations)
    if asked.outcome == "stopped":
        raise LeftOff
    found, unseen = None, ""
    if migrations.database is not None:
        try:
            found = await work.unless_stopped(work.tools.schemas.fingerprint(migrations))
        except NotTold as error:
            unseen = error.why
    said = asked.outcome == "done"
    return Sight(
        revision=asked.value if said else None,
        fingerprint=found,
        unsaid="" if said else asked.detail,
        unseen=unseen,
        output=asked.output,
    )


def command_of(name: str, argv: Argv, migrations: Migrations) -> Step:
    """Return what runs one of the guide's commands, with the database's URL where it wants it."""
    return Step.model_construct(
        name=name,
        run=argv,
        env=environment(migrations),
        dir=migrations.dir,
        timeout=migrations.timeout,
    )


def leaves_whole_files(migrations: Migrations) -> bool:
    """Whether the tool is goaround's own: each file goes in, or comes out, whole with its row."""
    return migrations.apply[0] == GOAROUND_SQL


async def _current(work: Work, migrations: Migrations) -> Attempt:
    """Ask the tool. An answer without a word is none, but from Alembic, which says so of `base`."""
    step = command_of("ask for the schema's revision", migrations.current, migrations)
    asked = await work.ask(step)
    if asked.outcome != "done":
        return asked
    try:
        said = revision(migrations, asked.output if migrations.alembic else asked.value)
    except NotTold as error:
        return Attempt("errored", error.why, asked.output, begun=False)
    return Attempt("done", asked.detail, asked.output, asked.begun, said)
