"""`deploy`, `rollback`, `wait`: asking for a run, and following one to its end."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from goaround.cli import options, outcome
from goaround.cli.screen import Screen
from goaround.cli.session import Usage, ask
from goaround.errors import Refused
from goaround_schemas.phase import ENDS, Phase

if TYPE_CHECKING:
    from goaround.client import Goaround
    from goaround.handle import RunHandle
    from goaround_schemas.api import RunDetail

_TURNABLE = frozenset({Phase.DEPLOYING, Phase.VERIFYING, Phase.WATCHING, Phase.HELD})


class Allow(StrEnum):
    """What migrations may be let do: of literals, typer makes no options that come again."""

    LOSSY = "lossy"
    IRREVERSIBLE = "irreversible"


def deploy(
    service: options.Service,
    version: options.Version,
    env: options.Env,
    wait: options.Wait = False,
    timeout: options.Timeout = None,
    by: options.By = None,
    reason: options.Reason = None,
    run_id: options.RunIdOption = None,
    artifact: Annotated[
        str | None, typer.Option(metavar="URL", help="What is deployed: a purl or a URL.")
    ] = None,
    watch_period: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="How long to watch (5m), in the place of the guide's."),
    ] = None,
    emergency: Annotated[
        bool, typer.Option("--emergency", help="Past queue, freeze and approval; needs --reason.")
    ] = False,
    redeploy: Annotated[
        bool, typer.Option("--redeploy", help="Also if this very version runs already.")
    ] = False,
    allow: Annotated[
        list[Allow] | None,
        typer.Option(
            "--allow",
            metavar="lossy|irreversible",
            help="Let migrations do what no way back makes good; may be given again; needs "
            "--reason.",
        ),
    ] = None,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """Ask for VERSION of SERVICE to run in an environment, and print the run's id.

    The request is kept for good when the id is printed. With --wait: follow the run to its end.
    """
    from goaround.cli.attending import attend, seconds_of

    if allow and not (reason or "").strip():
        raise Usage(f"--allow {' --allow '.join(allow)} needs --reason TEXT: it goes on record")
    screen = Screen()
    timeout_s = seconds_of(timeout)

    async def asked(g: "Goaround") -> int:
        run = await g.deploy(
            service,
            version,
            environment=env,
            requested_by=by,
            reason=reason,
            run_id=run_id,
            artifact=artifact,
            watch_period=watch_period,
            emergency=emergency,
            redeploy=redeploy,
            allow=tuple(one.value for one in allow or ()),
        )
        if not wait:
            return _said(screen, run.run_id, json=json)
        _announce(screen, run.run_id, json=json)
        return await attend(run, screen, json=json, timeout_s=timeout_s, codes=outcome.AFTER_DEPLOY)

    return ask(url, root, asked)


def rollback(
    what: Annotated[
        str, typer.Argument(metavar="RUN|SERVICE", help="A run's id; with --env, a service.")
    ],
    env: options.MaybeEnv = None,
    wait: options.Wait = False,
    timeout: options.Timeout = None,
    by: options.By = None,
    reason: options.Reason = None,
    run_id: options.RunIdOption = None,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """Take the way back: of a run under way, of one that has ended, or of what a service runs.

    A run under way goes around itself. Else the guide's rollback procedure is a run of its own.
    """
    from goaround.cli.attending import attend, seconds_of

    screen = Screen()
    timeout_s = seconds_of(timeout)

    async def asked(g: "Goaround") -> int:
        if env is None:
            run = await _back_from_run(g, what, by, reason, run_id)
        else:
            run = await _back_in_place(g, what, env, by, reason, run_id)
        if not wait:
            return _said(screen, run.run_id, json=json)
        _announce(screen, run.run_id, json=json)
        return await attend(
            run, screen, json=json, timeout_s=timeout_s, codes=outcome.AFTER_ROLLBACK
        )

    return ask(url, root, asked)


def wait(
    run: options.Run,
    timeout: options.Timeout = None,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """Follow a run to its end, from its first event on; Ctrl-C detaches."""
    from goaround.cli.attending import attend, seconds_of

    screen = Screen()
    timeout_s = seconds_of(timeout)

    async def asked(g: "Goaround") -> int:
        handle = await g.follow(run)
        return await attend(
            handle, screen, json=json, timeout_s=timeout_s, codes=outcome.AFTER_DEPLOY
        )

    return ask(url, root, asked)


async def _back_from_run(
    g: "Goaround", run_id: str, by: str | None, reason: str | None, new_id: str | None
) -> "RunHandle":
    detail = await _known(g, run_id)
    run = detail.run
    if run.phase not in ENDS:
        handle = await g.follow(run_id)
        await g.turn_back(run_id, requested_by=by, reason=reason)
        return handle
    for running in await g.services(service=run.service, environment=run.environment):
        if running.run_id == run_id:
            return await g.rollback(
                run.service,
                environment=run.environment,
                requested_by=by,
                reason=reason or f"rollback of run {run_id}",
                run_id=new_id,
            )
    raise Refused(
        f"run {run_id} ({run.service} {run.version or ''} in {run.environment}) is {run.phase} and "
        "is not what runs there now; to go back from what does: goaround rollback "
        f"{run.service} --env {run.environment}"
    )


async def _known(g: "Goaround", run_id: str) -> "RunDetail":
    try:
        return await g.run(run_id)
    except Refused as error:
        raise Usage(f"{error.reason}; for a service, say where: --env ENV") from error


async def _back_in_place(
    g: "Goaround", service: str, env: str, by: str | None, reason: str | None, new_id: str | None
) -> "RunHandle":
    for run in await g.runs(service=service, environment=env, active=True):
        if run.phase in _TURNABLE:
            handle = await g.follow(run.run_id)
            await g.turn_back(run.run_id, requested_by=by, reason=reason)
            return handle
    return await g.rollback(service, environment=env, requested_by=by, reason=reason, run_id=new_id)


def _said(screen: Screen, run_id: str, *, json: bool) -> int:
    if json:
        screen.document({"run_id": run_id})
    else:
        screen.line(run_id)
    return outcome.DONE


def _announce(screen: Screen, run_id: str, *, json: bool) -> None:
    if json:
        screen.note(f"run {run_id}")
    else:
        screen.line(f"run {run_id}", "bold")
