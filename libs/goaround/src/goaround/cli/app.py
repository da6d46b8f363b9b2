"""Every command by its name. Importing this reads no setting and opens no connection."""

from collections.abc import Callable
from importlib.metadata import version as version_of
from typing import Annotated

import typer

from goaround.cli import (
    correcting,
    deciding,
    demo,
    deploying,
    doctor,
    events,
    outcome,
    rehearsing,
    replaying,
    runs,
    setup,
    simulating,
    system,
)
from goaround.cli.dead import dead
from goaround.cli.guides import guide

app = typer.Typer(
    name="goaround",
    help="Every deployment lands, or goes around.",
    epilog=outcome.EPILOG,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_DEPLOYMENTS = "Deployments"
_QUESTIONS = "Questions"
_DECISIONS = "Decisions"
_EVIDENCE = "Recorded evidence"
_SYSTEM = "The system"


@app.callback(invoke_without_command=True)
def goaround(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.")
    ] = False,
) -> None:
    """Every deployment lands, or goes around."""
    if version:
        typer.echo(f"goaround {version_of('goaround')}")
        raise typer.Exit(outcome.DONE)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(outcome.DONE)


def _add(panel: str, *commands: Callable[..., int], epilog: str = outcome.EPILOG) -> None:
    for command in commands:
        app.command(rich_help_panel=panel, epilog=epilog)(command)


_add(_DEPLOYMENTS, deploying.deploy, epilog=outcome.DEPLOY_EPILOG)
_add(_DEPLOYMENTS, deploying.rollback, epilog=outcome.ROLLBACK_EPILOG)
_add(_DEPLOYMENTS, deploying.wait, epilog=outcome.DEPLOY_EPILOG)
_add(_DEPLOYMENTS, rehearsing.rehearse, epilog=outcome.REHEARSE_EPILOG)
_add(_QUESTIONS, runs.runs, runs.show, runs.why, runs.services, events.events)
_add(_QUESTIONS, rehearsing.rehearsals)
_add(
    _DECISIONS,
    deciding.abort,
    deciding.approve,
    deciding.resume,
    deciding.promote,
    deciding.adopt,
    deciding.label,
)
_add(_EVIDENCE, replaying.replay, epilog=outcome.REPLAY_EPILOG)
_add(_EVIDENCE, simulating.simulate)
for correction in (correcting.corrections, correcting.accept, correcting.dismiss):
    guide.command(epilog=outcome.EPILOG)(correction)
app.add_typer(guide, name="guide", rich_help_panel=_QUESTIONS)
_add(_SYSTEM, demo.demo, system.up, system.down, system.status, setup.migrate, setup.users)
_add(_SYSTEM, doctor.doctor, epilog=outcome.DOCTOR_EPILOG)
app.add_typer(dead, name="dead", rich_help_panel=_SYSTEM)
