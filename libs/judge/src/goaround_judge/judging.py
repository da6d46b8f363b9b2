"""The verdict on a whole watch: the worst of its parts, and what that asks of the run."""

from collections.abc import Sequence

from goaround_judge.agreement import Witness, seconded
from goaround_judge.counted import judge_errors
from goaround_judge.evidence import Evidence, Frame, Observed, Undecided, observe
from goaround_judge.levelled import judge_level
from goaround_judge.load import Load, load_of
from goaround_judge.logged import judge_log
from goaround_judge.promise import Promise, promise_of
from goaround_judge.rules import SignalKind
from goaround_judge.verdicts import Action, Colour, LogVerdict, SignalVerdict, Verdict, Word
from goaround_judge.wording import counted, number

JUDGE_VERSION = "3"
"""Raised with every change that can change a verdict; a replay under another one says so."""

_GREEN, _YELLOW, _RED = Colour
_ERRORS, _THIN = SignalKind.ERRORS, Word.THIN

Part = SignalVerdict | LogVerdict

_AT_THE_END = {
    Undecided.HOLD: (Action.HOLD, "a person must decide"),
    Undecided.ROLLBACK: (Action.ROLLBACK, "the guide asks for a rollback then"),
    Undecided.ACCEPT: (Action.ACCEPT, "the guide accepts it then"),
}


def judge(evidence: Evidence) -> Verdict:
    """Return the verdict on a watch as it stands; the same evidence gives the same verdict."""
    observed = [observe(signal, evidence.every_s) for signal in evidence.signals]
    observed += [observe(signal, evidence.every_s) for signal in evidence.columns]
    return judge_observed(evidence.frame, observed)


def judge_observed(frame: Frame, observed: Sequence[Observed]) -> Verdict:
    """Return the same where the signals were read already."""
    if frame.period_s == 0:
        return _unwatched()
    load, promise = load_of(observed), promise_of(frame.looks, observed)
    judged = [judge_signal(signal, promise, load) for signal in observed]
    witnesses = [witness for _, witness in judged if witness is not None]
    alone = [verdict for verdict, _ in judged]
    signals = seconded(alone, witnesses, promise.looks, frame.every_s)
    logs = tuple(judge_log(log, promise.looks) for log in frame.logs)
    every: list[Part] = [*signals, *logs]
    parts = [part for part in every if not part.muted]
    gravest = min(parts, key=_gravity, default=None)
    colour = gravest.colour if gravest else _YELLOW
    worst = gravest if colour is not _GREEN else None
    action, decided, outlook = _action(frame, colour)
    if not parts:
        finding = "Nothing is watched: the guide names no signal and no log that counts"
    elif worst is None:
        finding = _all_green(parts)
    else:
        finding = worst.reason
    return Verdict(
        colour=colour,
        decided=decided,
        action=action,
        reason=f"{finding}; {outlook}." if outlook else f"{finding}.",
        deciding=worst.name if worst else None,
        would_be_green=worst.would_be_green if worst else "",
        signals=signals,
        logs=logs,
        judge_version=JUDGE_VERSION,
    )


def judge_signal(
    observed: Observed, promise: Promise, load: Load
) -> tuple[SignalVerdict, Witness | None]:
    """Return how one signal stands by itself, by the rule of its kind, and what it can second."""
    if observed.rule.kind is _ERRORS:
        return judge_errors(observed, promise.looks, load), None
    return judge_level(observed, promise, load)


def _gravity(part: Part) -> tuple[int, float, int, float, str, str]:
    """Order parts by what decides: worst colour, then first Red, a finding before a lack."""
    first = part.red_at_s if part.red_at_s is not None else float("inf")
    return (
        -part.colour.rank,
        first,
        part.verdict is _THIN,
        -part.excess,
        part.name,
        part.reason,
    )


def _action(frame: Frame, colour: Colour) -> tuple[Action, bool, str]:
    """Return what to do, whether that ends the watch, and the clause that says so."""
    if colour is _RED:
        return Action.ROLLBACK, True, ""
    left = frame.period_s - frame.elapsed_s
    if left > 0:
        return Action.CONTINUE, False, f"{number(left)} s of the watch are left"
    if colour is _GREEN:
        return Action.ACCEPT, True, ""
    if frame.extensions_used < frame.extensions_allowed:
        at = f"extension {frame.extensions_used + 1} of {frame.extensions_allowed}"
        return Action.EXTEND, False, f"the watch is extended ({at})"
    action, clause = _AT_THE_END[frame.undecided]
    spent = counted(frame.extensions_used, "extension")
    return action, True, f"no extension is left after {spent}: {clause}"


def _all_green(parts: list[Part]) -> str:
    """Return the sentence for a watch without a finding, with the signal nearest to its limit."""
    nearest = max(parts, key=lambda part: (part.excess, part.name, part.reason))
    others = len(parts) - 1
    rest = f", and {counted(others, 'other part')} as well" if others else ""
    return f"{nearest.reason}{rest}"


def _unwatched() -> Verdict:
    return Verdict(
        colour=_GREEN,
        decided=True,
        action=Action.ACCEPT,
        reason="The guide asks for no watch: its period is 0.",
        deciding=None,
        would_be_green="",
        signals=(),
        logs=(),
        judge_version=JUDGE_VERSION,
    )
