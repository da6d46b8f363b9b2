"""`guide check`, `guide plan`, `guide schema`: before anything is deployed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from goaround.cli import narration, options, outcome
from goaround.cli.screen import Screen
from goaround.cli.session import Usage, ask, complain
from goaround.cli.table import Table
from goaround_schemas.api import Plan

guide = typer.Typer(
    help="Check a deployment guide, and see what it would do.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@guide.command(epilog=outcome.EPILOG)
def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE...", help="Guides, or folders of them.", show_default=False),
    ] = None,
    service: Annotated[
        str | None,
        typer.Option(metavar="S", help="In the place of files: the guide that the system has."),
    ] = None,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """Say every fault of guides, as file:line:column, and what to write instead.

    Files are read here; no server is needed.
    """
    if bool(files) == (service is not None):
        raise Usage("name files, or --service S for the guide that the system has; not both")
    screen = Screen()
    if service is not None:
        found = ask(url, root, lambda g: g.check_guide(service))
        checked = [(found.name, found.digest, list(found.faults), list[str]())]
    else:
        checked = [verdict for file in files or () for verdict in _read(file)]
    if json:
        screen.document(
            [
                {"name": name, "ok": not faults, "digest": digest, "faults": faults, "warnings": w}
                for name, digest, faults, w in checked
            ]
        )
    else:
        for name, digest, faults, warnings in checked:
            for fault in faults:
                screen.line(fault, narration.BAD)
            for warning in warnings:
                screen.line(f"{warning} (warning)", narration.DOUBT)
            if not faults:
                screen.line(f"{name}: sound, {digest}", narration.GOOD)
    return outcome.REFUSED if any(faults for _, _, faults, _ in checked) else outcome.DONE


@guide.command(epilog=outcome.EPILOG)
def plan(
    service: options.Service,
    version: options.Version,
    env: options.Env,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """Show what would be done for a version, every template replaced, without doing it."""
    screen = Screen()
    found = ask(url, root, lambda g: g.plan(service, version, environment=env))
    if json:
        screen.document(found)
        return outcome.DONE
    screen.table(plan_table(found))
    screen.line(f"guide {found.digest}", narration.QUIET)
    for warning in found.warnings:
        screen.line(f"warning: {warning}", narration.DOUBT)
    return outcome.DONE


@guide.command(epilog=outcome.EPILOG)
def schema() -> int:
    """Print the guide's JSON Schema, for editors that complete and check YAML by it."""
    from goaround_schemas.export import schemas, show

    Screen().raw(show(schemas()["guide.v1"]))
    return outcome.DONE


def plan_table(found: Plan) -> Table:
    """One row for each thing that would be done."""
    before = f", before it {found.previous_version}" if found.previous_version else ""
    table = Table(
        ("PHASE", "STAGE", "WHAT", "DETAIL"),
        title=f"{found.service} {found.version} in {found.environment}{before}",
    )
    for line in found.lines:
        table.add(line.phase, line.stage, line.what, line.detail)
    return table


def _read(path: Path) -> Iterator[tuple[str, str | None, list[str], list[str]]]:
    """Yield name, digest, faults and warnings of each guide."""
    # YAML's reader takes a third of a second to import.
    from goaround_guidebook import GuideInvalid, NoGuide, Shelf, TwoGuides, load

    if path.is_dir():
        shelf = Shelf(path)
        names = shelf.names()
        if not names:
            complain(f"{path} has no guide in it: files *.yaml that begin with guide: goaround/v1")
            yield str(path), None, [f"{path}:1:1: no guide is in this folder"], []
        for name in names:
            try:
                loaded = shelf.find(name)
                yield str(path / loaded.name), loaded.digest, [], list(loaded.warnings)
            except GuideInvalid as error:
                yield name, None, [str(fault) for fault in error.faults], []
            except (NoGuide, TwoGuides, OSError) as error:
                yield name, None, [str(error)], []
        return
    try:
        loaded = load(path)
    except GuideInvalid as error:
        yield str(path), None, [str(fault) for fault in error.faults], []
    except OSError as error:
        yield str(path), None, [f"{path}:1:1: cannot be read: {error.strerror}"], []
    else:
        yield str(path), loaded.digest, [], list(loaded.warnings)
