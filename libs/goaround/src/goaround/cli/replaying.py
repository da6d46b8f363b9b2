"""`replay`: a recorded verdict is had again here, from the evidence that it was given on.

Nothing is asked of the run's sources; what was recorded is all that counts.
"""

import json as json_format
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goaround.cli import narration, options, outcome
from goaround.cli.screen import Screen
from goaround.cli.session import Failed, Usage, ask, complain
from goaround.cli.table import Table
from goaround.cli.words import count, moment, one_line

if TYPE_CHECKING:
    from goaround.client import Goaround
    from goaround_judge import Difference, Replayed
    from goaround_schemas.api import EvidenceRow

_LONGEST = 120
"""Characters of a value that a table shows; `--json` has all of it."""


@dataclass(frozen=True, slots=True)
class Again:
    """One verdict of a run, and what came of having it again."""

    row: "EvidenceRow"
    replayed: "Replayed | None"
    damage: str = ""

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        said: dict[str, Any] = {"verdict": self.row, "damage": self.damage or None}
        if self.replayed is None:
            return {**said, "same": False, "differences": []}
        return {
            **said,
            "same": self.replayed.same,
            "judge_version": {
                "recorded": self.replayed.recorded_version,
                "now": self.replayed.verdict.judge_version,
            },
            "differences": [_difference(d) for d in self.replayed.differences],
            "now": self.replayed.verdict,
        }


def replay(
    run: options.Run,
    stage: Annotated[
        str | None, typer.Option(metavar="S", help="Only the verdicts of this stage.")
    ] = None,
    verdict: Annotated[
        str | None, typer.Option(metavar="ID", help="Only this verdict, by its id.")
    ] = None,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """Judge a run's recorded evidence again: the same verdict, or what differs."""
    if stage is not None and verdict is not None:
        raise Usage("--stage or --verdict, not both")
    screen = Screen()

    async def had_again(g: "Goaround") -> list[Again]:
        return [await _again(g, row) for row in await _wanted(g, run, stage, verdict)]

    found = ask(url, root, had_again)
    if json:
        screen.document({"run_id": run, "verdicts": [again.document() for again in found]})
    for again in found:
        if not json:
            _tell(screen, again)
        if again.damage:
            complain(f"{_named(again.row)}: {again.damage}")
    if any(again.damage for again in found):
        return outcome.REFUSED
    differing = any(again.replayed and not again.replayed.same for again in found)
    return outcome.DIFFERS if differing else outcome.DONE


async def _wanted(
    g: "Goaround", run: str, stage: str | None, verdict: str | None
) -> list["EvidenceRow"]:
    known = (await g.evidence(run)).verdicts
    if not known:
        raise Failed(
            f"no evidence is on record of run {run}: it was not watched to a verdict, or it is "
            f"older than what is kept (goaround show {run})"
        )
    found = [
        row for row in known if stage in (None, row.stage) and verdict in (None, row.evidence_id)
    ]
    if not found:
        there = ", ".join(f"{row.evidence_id} (stage {row.stage})" for row in known)
        wanted = f"verdict {verdict!r}" if stage is None else f"verdict of stage {stage!r}"
        raise Failed(f"run {run} has no {wanted}; it has {there}")
    return found


async def _again(g: "Goaround", row: "EvidenceRow") -> Again:
    # The judge brings numpy with it, which most commands do without.
    from goaround.recorded import NoRecording, recorded
    from goaround_judge import replay as judged_again

    try:
        return Again(row, judged_again(await recorded(g, row)))
    except NoRecording as error:
        return Again(row, None, str(error))


def _named(row: "EvidenceRow") -> str:
    stage = "" if row.stage == "all" else f", stage {row.stage}"
    return f"run {row.run_id}{stage}, verdict {row.evidence_id}"


def _tell(screen: Screen, again: Again) -> None:
    row = again.row
    screen.line(
        f"{row.service} {row.version} in {row.environment}, {_named(row)}: {row.colour}, "
        f"{row.action}, judged {moment(row.judged_at)} UTC after {count(row.looks, 'look')}",
        narration.COLOURS[row.colour],
    )
    if again.replayed is None:
        return
    for line in _sayings(again.replayed):
        screen.line(f"  {line}")
    if not again.replayed.same:
        screen.table(differences_table(again.replayed.differences))


def _sayings(found: "Replayed") -> Iterator[str]:
    now, was = found.verdict.judge_version, found.recorded_version or "unknown"
    if found.same:
        yield f"the same verdict, byte for byte (judge {now})"
        return
    yield f"not the same verdict: it differs in {count(len(found.differences), 'place')}"
    if found.another_judge:
        yield f"judge {was} gave it, and this is judge {now}: it may differ for that alone"
    else:
        yield f"judge {now} gave it, as this one is: the record was changed, or computes otherwise"
    yield f"now: {found.verdict.colour}, {found.verdict.action}: {found.verdict.reason}"


def differences_table(differences: "tuple[Difference, ...]") -> Table:
    """One row for each value that differs."""
    table = Table(("WHERE", "WAS", "IS"))
    for one in differences:
        table.add(one.path, _short(one.was), _short(one.now))
    return table


def _short(value: object) -> str:
    text = one_line(_plain(value))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _plain(value: object) -> str:
    from goaround_judge.replay import ABSENT

    return str(ABSENT) if value is ABSENT else json_format.dumps(value, ensure_ascii=False)


def _difference(one: "Difference") -> dict[str, Any]:
    from goaround_judge.replay import ABSENT

    said: dict[str, Any] = {"path": one.path}
    # A value that is not there at all has no key: null is a value.
    if one.was is not ABSENT:
        said["was"] = one.was
    if one.now is not ABSENT:
        said["is"] = one.now
    return said
