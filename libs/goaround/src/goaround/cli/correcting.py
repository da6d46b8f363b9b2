"""`guide corrections`, `guide accept`, `guide dismiss`: what runs would have the guide say."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from goaround.cli import narration, options, outcome
from goaround.cli.narration import Saying
from goaround.cli.screen import Screen
from goaround.cli.session import Failed, ask
from goaround.cli.words import count, moment
from goaround.errors import Refused
from goaround.place import URL_VARIABLE, root_of
from goaround_schemas.proving import CorrectionRow

if TYPE_CHECKING:
    from goaround.client import Goaround

_STATES = {"open": "bold", "accepted": narration.GOOD, "dismissed": narration.QUIET}
_DIFF = {"+": narration.GOOD, "-": narration.BAD, "@": "cyan"}
Correction = Annotated[
    str, typer.Argument(metavar="ID", help="A correction's id.", show_default=False)
]


def corrections(
    service: options.MaybeService = None,
    state: Annotated[
        Literal["open", "accepted", "dismissed", "all"],
        typer.Option(metavar="open|accepted|dismissed|all", help="What was said to it."),
    ] = "open",
    limit: Annotated[int, typer.Option(min=1, max=500, help="So many at most.")] = 50,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """List what runs propose to correct in guides: each with its evidence, effect and diff."""
    screen = Screen()
    said = None if state == "all" else state
    found = ask(url, root, lambda g: g.corrections(service=service, state=said, limit=limit))
    if json:
        screen.document(list(found))
        return outcome.DONE
    for row in found:
        for line in lines(row):
            screen.line(line.text, line.style)
        screen.line()
    if not found:
        screen.note("no corrections" + ("" if state == "all" and not service else " like that"))
    elif len(found) == limit:
        screen.note(f"there may be more than {count(limit, 'correction')}: --limit shows more")
    return outcome.DONE


def accept(
    correction: Correction,
    guides: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where the guides are; without it those of the local system, else this folder.",
            show_default=False,
        ),
    ] = None,
    branch: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Commit it on this branch of the guides' git checkout, and leave the file alone.",
            show_default=False,
        ),
    ] = None,
    because: Annotated[
        str | None, typer.Option("--because", metavar="TEXT", help="Why; it goes on record.")
    ] = None,
    by: options.By = None,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """Carry a correction out in the guide's file, or on a branch, and put that on record.

    Nothing is changed where the guide has changed so that the correction does not fit, or would
    be no sound guide afterwards.
    """
    screen = Screen()
    folder = guides or _guides(url, root)

    async def asked(g: "Goaround") -> "_Done":
        row = await _known(g, correction)
        if row.state == "dismissed":
            why = f": {row.because}" if row.because else ""
            raise Refused(f"correction {correction} was dismissed by {row.actor}{why}")
        same = await _digest(g, row)
        done = await asyncio.to_thread(_carry_out, row, folder, branch, because, same)
        await g.decide_correction(correction, "accepted", because=because, requested_by=by)
        return done

    done = ask(url, root, asked)
    if json:
        screen.document({"correction_id": correction, "state": "accepted", **done.fields})
    else:
        screen.line(f"correction {correction} is accepted", narration.GOOD)
        for line in done.said:
            screen.line(line)
    return outcome.DONE


def dismiss(
    correction: Correction,
    because: Annotated[
        str, typer.Option("--because", metavar="TEXT", help="Why not.", show_default=False)
    ],
    by: options.By = None,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """Say that a correction is not wanted: it is not proposed again."""
    screen = Screen()
    said = ask(
        url,
        root,
        lambda g: g.decide_correction(correction, "dismissed", because=because, requested_by=by),
    )
    if json:
        screen.document({"correction_id": correction, "state": "dismissed"})
    else:
        screen.line(said.what)
    return outcome.DONE


def lines(row: CorrectionRow) -> Iterator[Saying]:
    """Yield what there is to say of a correction, its diff last. Pure."""
    said = row.correction
    what = f"{said.field}: {said.was or 'not there'} -> {said.proposed}"
    yield Saying(f"{said.id}  {row.service} ({row.guide_name}), {what}", _STATES[row.state])
    yield Saying(f"  {said.evidence}")
    if said.effect:
        yield Saying(f"  {said.effect}")
    runs = f"proposed by {count(row.times, 'run')}, last by {row.run_id} in {row.environment}"
    yield Saying(f"  {runs}, {moment(row.at)} UTC", narration.QUIET)
    if row.state != "open":
        when = f", {moment(row.decided_at)} UTC" if row.decided_at else ""
        why = f": {row.because}" if row.because else ""
        yield Saying(f"  {row.state} by {row.actor}{when}{why}", narration.QUIET)
    for line in said.diff.splitlines():
        heads = line.startswith(("---", "+++"))
        yield Saying(f"  {line}", narration.QUIET if heads else _DIFF.get(line[:1], ""))
    if not said.diff:
        yield Saying("  no diff: this one is for a person to carry out", narration.DOUBT)
    if row.state == "open":
        yield Saying(
            f"  to accept: goaround guide accept {said.id}; if not: goaround guide dismiss "
            f"{said.id} --because WHY",
            narration.QUIET,
        )


class _Done:
    """What was done with a correction, for people and for programs."""

    def __init__(self, *said: str, **fields: Any) -> None:
        self.said = said
        self.fields: dict[str, Any] = {"path": None, "branch": None, "commit": None, **fields}


async def _known(g: "Goaround", id_: str) -> CorrectionRow:
    found = await g.corrections(correction_id=id_, state=None)
    if not found:
        raise Refused(
            f"no correction has the id {id_!r}; goaround guide corrections --state all lists them"
        )
    return found[0]


async def _digest(g: "Goaround", row: CorrectionRow) -> str | None:
    """The digest of the guide that the correction was made from, as far as anyone knows."""
    try:
        return (await g.run(row.run_id)).guide_digest
    except Refused:
        return None


def _carry_out(
    row: CorrectionRow, folder: Path, branch: str | None, because: str | None, same: str | None
) -> _Done:
    """Correct the guide; `same` is the digest of the guide that the diff was made from."""
    from goaround.correcting import (
        Branch,
        DoesNotFit,
        NotCommitted,
        NotWritten,
        check,
        guide_file,
        patched,
    )

    if not row.correction.diff:
        return _Done("it has no diff: that is on record, and the guide is yours to change")
    try:
        file = guide_file(folder, row.service)
        if branch is None:
            found = patched(file.text, row.correction.diff, same=file.digest == same)
            if found.already:
                return _Done(f"{file.path} says so already", path=str(file.path))
            file.write(found.text)
            return _Done(f"{file.path} is corrected", path=str(file.path))
        there = Branch.of(file.path, branch)
        found = patched(there.text, row.correction.diff, same=there.digest == same)
        where = f"{there.path} on branch {branch}"
        if found.already:
            return _Done(f"{where} says so already", path=there.path, branch=branch)
        check(found.text, there.path, row.service)
        done = there.commit(found.text, message(row, because))
        return _Done(
            f"{where} is corrected by commit {done.commit[:12]}",
            done.push,
            path=there.path,
            branch=branch,
            commit=done.commit,
        )
    except DoesNotFit as error:
        name = branch or folder
        raise Failed(f"{row.guide_name} in {name} is left as it is: {error}") from error
    except (NotWritten, NotCommitted) as error:
        raise Failed(str(error)) from error


def message(row: CorrectionRow, because: str | None) -> str:
    """Return what a commit says of a correction: what it changes, what speaks for it, and who."""
    said = row.correction
    head = f"{row.service}: {said.field} {said.proposed}"
    parts = (
        head if len(head) <= 72 else f"{head[:71]}…",
        f"It was {said.was}. {said.evidence}" if said.was else said.evidence,
        said.effect,
        because or "",
        f"Correction: {said.id}\nRun: {row.run_id}",
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _guides(url: str | None, root: Path | None) -> Path:
    """The folder of the local system's guides, where that is the one that is spoken to."""
    from goaround import upfile

    local = not url and (root is not None or not os.environ.get(URL_VARIABLE))
    up = upfile.read(root_of(root)) if local else None
    return Path(up.guides) if up else Path.cwd()
