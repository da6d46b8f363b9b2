"""Why a run ended as it did, or what it waits for, in plain words with their numbers. Pure."""

from dataclasses import replace
from datetime import datetime

from goaround.cli import narration
from goaround.cli.narration import Saying
from goaround.cli.words import ago, amount, change, count, length, spoken
from goaround_schemas.api import RunDetail, RunRow
from goaround_schemas.outcome import RollbackSummary
from goaround_schemas.phase import ENDS, Phase
from goaround_schemas.watching import WatchSummary


def explain(detail: RunDetail, now: datetime) -> list[Saying]:
    """Return the outcome, what decided it, what would have been green, and what was done."""
    run = detail.run
    said = [_headline(run)]
    if run.phase not in ENDS:
        said += _waiting(detail, now)
    said += _steps(detail)
    said += _rows(detail)
    if detail.watch is not None:
        said += _watch(detail.watch)
    if detail.rollback is not None:
        said += _rollback(detail.rollback)
    if run.phase in ENDS and detail.history:
        last = detail.history[-1]
        before = next((t for t in reversed(detail.history) if t.to in _DECIDED), None)
        if run.phase in (Phase.ABORTED, Phase.REJECTED, Phase.SUPERSEDED):
            said.append(Saying(f"Decided by {last.actor}; nothing had been changed."))
        elif before is not None:
            said.append(Saying(f"The way back was taken on the word of {before.actor}."))
    said += [Saying(narration.label(label)) for label in detail.labels]
    if detail.watch is not None and detail.watch.judge_version:
        said.append(Saying(f"Replay with: goaround replay {run.run_id}", narration.QUIET))
    said += [Saying(f"Written down in {where}.") for where in detail.record]
    said += [Saying(f"Warning: {w}", narration.DOUBT) for w in detail.warnings]
    return said


_DECIDED = frozenset({Phase.ROLLING_BACK})


def _headline(run: RunRow) -> Saying:
    what = "the rollback of " if run.kind == "rollback" else ""
    name = " ".join(filter(None, (run.service, run.version, "in", run.environment)))
    style = narration.OUTCOMES.get(run.phase, "bold")
    return Saying(f"Run {run.run_id}, {what}{name}, {_stands(run.phase)}: {run.reason}", style)


def _stands(phase: Phase) -> str:
    match phase:
        case Phase.SUCCEEDED:
            return "succeeded"
        case Phase.ROLLED_BACK | Phase.REJECTED | Phase.ABORTED | Phase.SUPERSEDED:
            return f"was {spoken(phase)}"
        case Phase.ROLLBACK_FAILED:
            return "was to be rolled back, and that FAILED"
        case _:
            return f"is {spoken(phase)}"


def _waiting(detail: RunDetail, now: datetime) -> list[Saying]:
    said: list[Saying] = []
    if detail.waiting_for:
        said.append(Saying(f"It waits for an answer to: {', '.join(detail.waiting_for)}."))
    if detail.run.deadline:
        said.append(Saying(f"Its deadline is {ago(detail.run.deadline, now)}."))
    id_ = detail.run.run_id
    match detail.run.phase:
        case Phase.AWAITING_APPROVAL:
            said.append(Saying(f"To approve: goaround approve {id_} --group GROUP"))
        case Phase.HELD:
            said.append(Saying(f"To accept: goaround promote {id_}"))
            said.append(Saying(f"To watch on: goaround resume {id_}"))
            said.append(Saying(f"To go back: goaround rollback {id_}"))
        case _:
            pass
    return said


def _steps(detail: RunDetail) -> list[Saying]:
    bad = [s for s in detail.steps if s.outcome not in ("done", "skipped")]
    if not bad:
        return []
    below = tuple(narration.step(s) for s in bad)
    return [Saying("What did not work of the deployment:", below=below)]


def _rows(detail: RunDetail) -> list[Saying]:
    said: list[Saying] = []
    for found in detail.verification:
        against = [r for r in found.rows if narration.speaks_against(r)]
        if found.outcome == "passed" or not against:
            continue
        rows = count(len(against), "row")
        head = f"The {spoken(found.kind)} matrix of {found.of} {found.outcome} by {rows}:"
        said.append(Saying(head, below=tuple(narration.row(r) for r in against)))
    if not said and detail.verification:
        total = sum(len(m.rows) for m in detail.verification)
        matrices = ", ".join(spoken(m.kind) for m in detail.verification)
        said.append(Saying(f"No check of {total} spoke against it ({matrices})."))
    return said


def _watch(summary: WatchSummary) -> list[Saying]:
    extended = f", {count(summary.extensions, 'extension')}" if summary.extensions else ""
    said = [
        Saying(
            f"The watch ended {summary.colour} after {length(summary.watched_s)} "
            f"({count(summary.ticks, 'look')}{extended}): {summary.reason}",
            narration.COLOURS[summary.colour],
        )
    ]
    deciding = next(
        (s for s in (*summary.signals, *summary.logs) if s.name == summary.deciding), None
    )
    if deciding is not None and deciding.kind == "errors":
        # Counts and rates: its reason alone says of how many.
        said.append(Saying(f"Decided by {deciding.name}. {deciding.reason}"))
    elif deciding is not None:
        limit = ""
        if deciding.limit is not None:
            limit = f"; the limit was {amount(deciding.limit, deciding.unit)}"
        said.append(
            Saying(
                f"Decided by {deciding.name}: {amount(deciding.observed, deciding.unit)} against "
                f"{amount(deciding.baseline, deciding.unit)} before "
                f"({change(deciding.change)}){limit}. {deciding.reason}"
            )
        )
    elif summary.deciding:
        said.append(Saying(f"Decided by {summary.deciding}."))
    if summary.colour != "green" and summary.would_be_green:
        said.append(Saying(narration.counterfactual(summary.would_be_green)))
    return said


def _rollback(summary: RollbackSummary) -> list[Saying]:
    said = [
        Saying(
            f"It went around because of: {summary.trigger}",
            below=tuple(narration.step(s) for s in summary.steps),
        )
    ]
    if summary.matrix is not None:
        said.append(narration.matrix(summary.matrix))
    else:
        said.append(Saying("The previous version's health was not looked at.", narration.DOUBT))
    if summary.database is not None:
        found = narration.schema(summary.database)
        said.append(replace(found, text=_sentence(found.text)))
    if summary.left:
        said.append(Saying(f"Left behind: {summary.left}", narration.BAD))
    unfinished = narration.unfinished(summary)
    return [*said, *(replace(line, text=_sentence(line.text)) for line in unfinished)]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
