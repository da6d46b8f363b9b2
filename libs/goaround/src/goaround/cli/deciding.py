"""`abort`, `approve`, `resume`, `promote`, `adopt`, `label`: a person's word, put on record."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from goaround.cli import options, outcome
from goaround.cli.screen import Screen
from goaround.cli.session import ask

if TYPE_CHECKING:
    from goaround_schemas.api import Accepted


def abort(
    run: options.Run,
    reason: options.Reason = None,
    by: options.By = None,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """Call a run off; once it has changed something, it goes around."""
    return _say(ask(url, root, lambda g: g.abort(run, reason=reason, requested_by=by)), json)


def approve(
    run: options.Run,
    group: Annotated[
        list[str] | None,
        typer.Option(metavar="GROUP", help="A group that you speak for; may be given again."),
    ] = None,
    reason: options.Reason = None,
    by: options.By = None,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """Say yes to a run that waits for approval."""
    groups = tuple(group or ())
    said = ask(url, root, lambda g: g.approve(run, groups=groups, reason=reason, requested_by=by))
    return _say(said, json)


def resume(
    run: options.Run,
    reason: options.Reason = None,
    by: options.By = None,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """Have a held run watched on; or go on with a way back that failed, once you have mended it.

    What the failed one has done is not done again; a run of its own goes on.
    """
    return _say(ask(url, root, lambda g: g.resume(run, reason=reason, requested_by=by)), json)


def promote(
    run: options.Run,
    reason: options.Reason = None,
    by: options.By = None,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """Accept a held run as it is."""
    return _say(ask(url, root, lambda g: g.promote(run, reason=reason, requested_by=by)), json)


def adopt(
    service: options.Service,
    version: options.Version,
    env: options.Env,
    reason: options.Reason = None,
    by: options.By = None,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """Put on record what has been running since before goaround came."""
    said = ask(
        url,
        root,
        lambda g: g.adopt(service, version, environment=env, reason=reason, requested_by=by),
    )
    return _say(said, json)


def label(
    run: options.Run,
    was: Annotated[
        Literal["good", "bad"],
        typer.Argument(metavar="good|bad", help="How it really was.", show_default=False),
    ],
    because: Annotated[
        str,
        typer.Option("--because", metavar="TEXT", help="How you know.", show_default=False),
    ],
    by: options.By = None,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """Say how a deployment really was, whatever its verdict: the judge is measured by it.

    The newest word on a run counts; goaround simulate holds verdicts against it.
    """
    said = ask(url, root, lambda g: g.label(run, was, because=because, requested_by=by))
    return _say(said, json)


def _say(accepted: "Accepted", json: bool) -> int:
    screen = Screen()
    if json:
        screen.document(accepted)
    else:
        screen.line(accepted.what)
    return outcome.DONE
