"""A run's events in words, as they come. Pure: who draws the words is not its business."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from goaround.cli.words import amount, change, count, length, one_line, spoken
from goaround_schemas.api import Label
from goaround_schemas.catalogue import AnyEvent
from goaround_schemas.matrix import DeployVerifiedData, Matrix, MatrixRow, RowOutcome
from goaround_schemas.outcome import (
    DeployAdvancedData,
    DeployFinishedData,
    GuideCorrection,
    RollbackSummary,
)
from goaround_schemas.phase import Phase
from goaround_schemas.procedure import (
    DeployInspectedData,
    DeployStepFinishedData,
    Reverted,
    RevertOutcome,
    StepResult,
)
from goaround_schemas.recording import DeployRecordedData
from goaround_schemas.request import DeployRequestedData
from goaround_schemas.watching import (
    Colour,
    DeployBaselinedData,
    DeployObservedData,
    Observation,
    SignalSummary,
    WatchSummary,
)

GOOD, BAD, DOUBT, PLAIN, QUIET = "green", "red", "yellow", "", "dim"
COLOURS: dict[Colour, str] = {"green": GOOD, "yellow": DOUBT, "red": BAD}
OUTCOMES = {
    "succeeded": GOOD,
    "rolled_back": DOUBT,
    "rollback_failed": f"bold {BAD}",
    "rejected": BAD,
    "aborted": DOUBT,
    "superseded": QUIET,
}
_SEVERITY: dict[Colour, int] = {"green": 0, "yellow": 1, "red": 2}
_STEPS = {"done": GOOD, "failed": BAD, "errored": BAD, "unknown": DOUBT, "skipped": QUIET}
_SCHEMA: dict[RevertOutcome, tuple[str, str]] = {
    "reverted_verified": ("the schema is what it was, and proven to be", GOOD),
    "kept_compatible": ("the schema was kept, since the previous version can live with it", GOOD),
    "refused_lossy": ("the schema was not taken back: nobody allowed to lose data", DOUBT),
    "revert_failed": ("the schema could NOT be taken back", BAD),
}
ROWS = {
    RowOutcome.PASSED: GOOD,
    RowOutcome.WARNED: DOUBT,
    RowOutcome.FAILED: BAD,
    RowOutcome.ERRORED: BAD,
    RowOutcome.SKIPPED: QUIET,
}


@dataclass(frozen=True, slots=True)
class Saying:
    """One line, what it looks like on a terminal, and what belongs below it."""

    text: str
    style: str = PLAIN
    below: tuple["Saying", ...] = ()

    def flat(self) -> str:
        """All of it in one line."""
        return one_line("; ".join((self.text, *(s.flat() for s in self.below))))


def tell(event: AnyEvent) -> Saying:
    """Return what an event says."""
    data = event.data
    match event.type:
        case "deploy.requested.v1":
            return _requested(event.data)
        case "deploy.advanced.v1":
            return _advanced(event.data)
        case "deploy.verified.v1":
            return _verified(event.data)
        case "deploy.inspected.v1":
            return _inspected(event.data)
        case "deploy.step_finished.v1":
            return _step(event.data)
        case "deploy.executed.v1":
            executed = event.data
            said = f"{executed.procedure} procedure {executed.outcome}: {executed.reason}"
            return Saying(said, GOOD if executed.outcome == "done" else BAD)
        case "deploy.baselined.v1":
            return _baselined(event.data)
        case "deploy.observed.v1":
            return _observed(event.data)
        case "deploy.evidenced.v1":
            kept = event.data
            looks = count(kept.looks, "look")
            said = f"the evidence of {looks} is on record: goaround replay {kept.run_id}"
            return Saying(said, QUIET)
        case "deploy.judged.v1":
            return judged(event.data.summary)
        case "deploy.recorded.v1":
            return _recorded(event.data)
        case "deploy.notified.v1":
            notice = event.data
            what = f"notice ({spoken(notice.moment)}) to {notice.name}: {notice.outcome}"
            said = f"{what}, {notice.detail}" if notice.detail else what
            return Saying(said, QUIET if notice.outcome == "delivered" else DOUBT)
        case "deploy.finished.v1":
            return finished(event.data)
    assert_never(data)


def about(data: DeployFinishedData | DeployRequestedData | DeployAdvancedData) -> str:
    """`checkout 2.4.1 in prod`."""
    return " ".join(filter(None, (data.service, data.version, "in", data.environment)))


def _requested(data: DeployRequestedData) -> Saying:
    what = "rollback of " if data.kind == "rollback" else ""
    why = f": {data.reason}" if data.reason else ""
    urgent = "EMERGENCY: " if data.emergency else ""
    return Saying(f"{urgent}{what}{about(data)} asked for by {data.requested_by}{why}")


def _advanced(data: DeployAdvancedData) -> Saying:
    style = {
        Phase.HELD: DOUBT,
        Phase.AWAITING_APPROVAL: DOUBT,
        Phase.ROLLING_BACK: BAD,
        Phase.VERIFYING_ROLLBACK: DOUBT,
    }.get(data.to, "bold")
    stage = f" ({data.stage})" if data.stage and data.stage != "all" else ""
    hint = _hint(data)
    return Saying(
        f"{spoken(data.to)}{stage}: {data.reason}", style, (Saying(hint, DOUBT),) if hint else ()
    )


def _hint(data: DeployAdvancedData) -> str:
    match data.to:
        case Phase.AWAITING_APPROVAL:
            return f"to approve: goaround approve {data.run_id} --group GROUP"
        case Phase.HELD:
            return (
                f"to accept: goaround promote {data.run_id}; to watch on: goaround resume "
                f"{data.run_id}; to go back: goaround rollback {data.run_id}"
            )
        case _:
            return ""


def _verified(data: DeployVerifiedData) -> Saying:
    return matrix(data.matrix)


def matrix(found: Matrix) -> Saying:
    """The whole of a matrix in one line, and each row that did not pass."""
    passed = sum(row.outcome is RowOutcome.PASSED for row in found.rows)
    said = f"{spoken(found.kind)} of {found.of}: {found.outcome}, {passed} of {len(found.rows)}"
    style = GOOD if found.outcome == "passed" else BAD
    return Saying(said, style, tuple(row(r) for r in found.rows if not _is_fine(r)))


def _is_fine(found: MatrixRow) -> bool:
    return found.outcome in (RowOutcome.PASSED, RowOutcome.SKIPPED)


def row(found: MatrixRow) -> Saying:
    """One row and what it found."""
    optional = "" if found.required else " (not required)"
    tries = f" after {found.attempts} tries" if found.attempts > 1 else ""
    said = f"{found.category} {found.name}: {found.outcome}{optional}{tries}: {found.detail}"
    return Saying(said, ROWS[found.outcome])


def _step(data: DeployStepFinishedData) -> Saying:
    back = "rollback " if data.procedure == "rollback" else ""
    return Saying(
        f"{back}step {data.index + 1} of {data.of}, {_step_words(data.step)}",
        _STEPS[data.step.outcome],
        _output(data.step),
    )


def step(found: StepResult) -> Saying:
    """One step and what became of it; where it did not work, the end of what it printed."""
    return Saying(_step_words(found), _STEPS[found.outcome], _output(found))


def _step_words(found: StepResult) -> str:
    what = "migration " if found.kind == "migration" else ""
    return f"{what}{found.name}: {found.outcome} in {length(found.seconds)}, {found.detail}"


def _output(found: StepResult) -> tuple[Saying, ...]:
    if found.outcome in ("done", "skipped"):
        return ()
    return tuple(Saying(f"| {line}", QUIET) for line in found.output.splitlines()[-5:] if line)


_LOSSES = ("lossy", "irreversible", "unknown")


def _inspected(data: DeployInspectedData) -> Saying:
    below = [
        Saying(
            f"{m.revision} {m.name}: {m.kind}" + (f", {m.reasons[0]}" if m.reasons else ""),
            DOUBT if m.kind in _LOSSES else QUIET,
        )
        for m in data.pending
    ]
    if (tried := data.rehearsal) is not None:
        style = GOOD if tried.outcome == "passed" else BAD
        below.append(Saying(f"rehearsal {tried.outcome}: {tried.reason}", style))
    style = QUIET if data.outcome == "done" else DOUBT
    return Saying(f"migrations: {data.reason}", style, tuple(below))


def _baselined(data: DeployBaselinedData) -> Saying:
    all_ = (*data.signals, *data.logs)
    silent = tuple(Saying(f"{s.name}: {s.detail}", DOUBT) for s in all_ if not s.answered)
    said = f"baseline taken: {len(all_) - len(silent)} of {len(all_)} answered"
    return Saying(said, GOOD if data.complete else DOUBT, silent)


def worst(observations: tuple[Observation, ...]) -> Observation | None:
    """The look that speaks most against the version; None where there was none."""
    return max(observations, key=lambda o: (_SEVERITY[o.colour], o.state != "ok"), default=None)


def _observed(data: DeployObservedData) -> Saying:
    said = (
        f"watch {length(data.elapsed_s)} of {length(data.period_s)}: {data.colour}, {data.reason}"
    )
    return Saying(said, COLOURS[data.colour])


def look(found: Observation) -> str:
    """One look at one signal in a few words."""
    if found.state != "ok":
        return " ".join(filter(None, (f"{found.name}: {spoken(found.state)}", found.detail)))
    return f"{found.name}: {amount(found.value, found.unit)} {found.detail}".rstrip()


def judged(summary: WatchSummary) -> Saying:
    """The verdict of a watch, and each signal that was not green."""
    said = f"watch judged {summary.colour} after {length(summary.watched_s)}: {summary.reason}"
    signals = (*summary.signals, *summary.logs)
    below = tuple(signal(s) for s in signals if s.colour != "green" and not s.muted)
    return Saying(said, COLOURS[summary.colour], below)


def signal(found: SignalSummary) -> Saying:
    """One signal: before, after, the limit, and what that means."""
    numbers = f"{amount(found.baseline, found.unit)} before, {amount(found.observed, found.unit)}"
    if found.change is not None:
        numbers += f" since ({change(found.change)})"
    said = f"{found.name}: {found.verdict}; {numbers}; {found.reason}"
    return Saying(said, COLOURS[found.colour])


def counterfactual(would_be_green: str) -> str:
    """What would have been green, as a sentence of its own."""
    if would_be_green.startswith("would "):
        return f"It {would_be_green}."
    return f"It would have been green: {would_be_green}"


def label(said: Label) -> str:
    """What a person said of a run afterwards."""
    return f"{said.actor} says it was {said.label}: {said.because}"


def _recorded(data: DeployRecordedData) -> Saying:
    written = [e for e in data.entries if e.outcome == "written"]
    failed = tuple(
        Saying(f"{e.what} could not be written: {e.detail}", DOUBT)
        for e in data.entries
        if e.outcome == "failed"
    )
    proposed = proposals(data.corrections, data.service)
    where = ", ".join(e.where or e.what for e in written) or "nothing new"
    return Saying(f"on record: {where}", GOOD if not failed else DOUBT, (*failed, *proposed))


def finished(data: DeployFinishedData) -> Saying:
    """The verdict, and what decided it."""
    what = "rollback of " if data.kind == "rollback" else ""
    said = f"{spoken(data.outcome).upper()}: {what}{about(data)}: {data.reason}"
    below = () if data.outcome == "succeeded" else evidence(data)
    warned = tuple(Saying(f"warning: {w}", DOUBT) for w in data.warnings)
    return Saying(said, OUTCOMES[data.outcome], (*below, *warned))


def evidence(data: DeployFinishedData) -> tuple[Saying, ...]:
    """The rows, signals and steps that speak against the version, worst things only."""
    rows = tuple(row(r) for m in data.verification for r in m.rows if speaks_against(r))
    signals: tuple[Saying, ...] = ()
    if data.watch is not None and data.watch.colour != "green":
        found = (*data.watch.signals, *data.watch.logs)
        signals = tuple(signal(s) for s in found if s.colour == "red" and not s.muted)
    steps: tuple[Saying, ...] = ()
    left: tuple[Saying, ...] = ()
    if data.rollback is not None:
        bad = (s for s in data.rollback.steps if s.outcome not in ("done", "skipped"))
        steps = tuple(step(s) for s in bad)
        if data.rollback.database is not None:
            left += (schema(data.rollback.database),)
        if data.rollback.left:
            left += (Saying(f"left behind: {data.rollback.left}", BAD),)
        left += unfinished(data.rollback)
    return (*rows, *signals, *steps, *left)


def schema(found: Reverted) -> Saying:
    """What became of the schema: how it differs from before, and where dropped values are."""
    said, style = _SCHEMA[found.outcome]
    differs = (Saying(f"it differs: {line}", BAD) for line in found.difference)
    kept = (Saying(f"what was dropped is kept in {table}") for table in found.kept)
    return Saying(f"{said}: {found.reason}", style, (*differs, *kept))


def unfinished(summary: RollbackSummary) -> tuple[Saying, ...]:
    """Where the way back failed: what is known of each target, and what to do next, in order."""
    known = tuple(Saying(line) for line in summary.known)
    steps = tuple(Saying(f"{n}. {line}") for n, line in enumerate(summary.next, 1))
    return (
        *((Saying("what is known:", DOUBT, known),) if known else ()),
        *((Saying("what you could do next, in this order:", "bold", steps),) if steps else ()),
    )


def proposals(corrections: Iterable[GuideCorrection], service: str) -> tuple[Saying, ...]:
    """What a run would have the guide say, and how to see and decide it."""
    said = tuple(Saying(f"{_wish(c)}; {c.evidence}") for c in corrections)
    hint = f"goaround guide corrections --service {service} shows the diffs, to accept or dismiss"
    return (*said, Saying(hint, QUIET)) if said else ()


def _wish(found: GuideCorrection) -> str:
    if not found.diff:
        return f"to look at in the guide: {found.field}: {found.proposed}"
    change_ = f"from {found.was} to {found.proposed}" if found.was else f"to be {found.proposed}"
    return f"proposed for the guide: {found.field} {change_}"


def speaks_against(found: MatrixRow) -> bool:
    """Whether a row decided against the version."""
    return found.required and found.outcome in (RowOutcome.FAILED, RowOutcome.ERRORED)
