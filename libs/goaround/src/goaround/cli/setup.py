"""`migrate`, `users`: preparing a real bus. Neither is needed for a local system."""

from pathlib import Path
from typing import Annotated

import typer

from goaround.cli import options, outcome
from goaround.cli.schema import migrate_schema
from goaround.cli.screen import Screen
from goaround.cli.session import Failed, run
from goaround.errors import Unreachable


def migrate(
    url: options.Url = None,
    root: options.Root = None,
    database_url: Annotated[
        str | None,
        typer.Option(
            metavar="DSN",
            help="Bring this database's schema up to date too, where goaround-orchestrator is "
            "installed; elsewhere run `goaround-orchestrator migrate` there.",
        ),
    ] = None,
    replicas: Annotated[
        int, typer.Option(min=1, max=5, help="On so many servers of a NATS cluster.")
    ] = 1,
    history_days: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="DAYS",
            help="How long DEPLOY keeps what happened: 365 on a new bus, else as it is.",
        ),
    ] = None,
    history_gib: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="GIB",
            help="How much DEPLOY keeps of it at most: 4 on a new bus, else as it is.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be changed; change nothing.")
    ] = False,
    json: options.Json = False,
) -> int:
    """Make the bus have the streams, consumers and buckets that goaround needs.

    As a user who may do that (admin). Doing it twice changes nothing. The database's schema is
    `goaround-orchestrator migrate`, or --database-url here.
    """
    screen = Screen()
    changes = run(_migrated(url, root, replicas, (history_days, history_gib), dry_run))
    schema = None
    if database_url is not None and not dry_run:
        schema = migrate_schema(database_url)
    if json:
        screen.document({"changes": changes, "dry_run": dry_run, "schema": schema})
        return outcome.DONE
    for change in changes:
        screen.line(f"would {change}" if dry_run else change)
    if not changes:
        screen.line("the bus is as it is to be")
    if schema is not None:
        screen.line(schema)
    elif database_url is None:
        screen.note("the database's schema: goaround-orchestrator migrate")
    return outcome.DONE


async def _migrated(
    url: str | None,
    root: Path | None,
    replicas: int,
    history: tuple[int | None, int | None],
    dry_run: bool,
) -> list[str]:
    from goaround.limits import history_of
    from goaround.place import ADMIN, url_of
    from goaround.reach import bus_at, heard
    from goaround.topology import topology
    from goaround_chassis.bus import Impossible, ServerTooOld, apply

    async with bus_at(url_of(url, root, user=ADMIN), name="migrate") as bus:
        try:
            age_s, size = await heard(history_of(bus, *history))
            wanted = topology(replicas, history_s=age_s, history_bytes=size)
            changes = await heard(apply(bus, wanted, dry_run=dry_run))
        except (Impossible, ServerTooOld) as error:
            raise Failed(str(error)) from error
        except Unreachable as error:
            raise Unreachable(
                f"{error.why}; the user must have the rights of admin (goaround users), and the "
                "server JetStream"
            ) from error
    return [str(change) for change in changes]


def users(
    nats_conf: Annotated[
        bool, typer.Option("--nats-conf", help="Print the block for nats-server's configuration.")
    ] = False,
    json: options.Json = False,
) -> int:
    """Show who may connect to the bus, and what each may publish and subscribe to."""
    from goaround import topology
    from goaround.cli.table import Table
    from goaround.natsconf import configuration, variable_of

    screen = Screen()
    known = topology.users()
    if nats_conf:
        screen.raw(configuration(known))
        return outcome.DONE
    if json:
        screen.document(
            [
                {
                    "user": user.name,
                    "password_variable": variable_of(user.name),
                    "publish": list(user.publish_allow),
                    "subscribe": list(user.subscribe_allow),
                    "answers": user.allow_responses,
                }
                for user in known
            ]
        )
        return outcome.DONE
    table = Table(("USER", "MAY PUBLISH", "MAY SUBSCRIBE"))
    for user in known:
        publish = ", ".join(s for s in user.publish_allow if not s.startswith("$"))
        table.add(user.name, publish, ", ".join(user.subscribe_allow))
    screen.table(table)
    screen.note("for a NATS server of your own: goaround users --nats-conf")
    return outcome.DONE
