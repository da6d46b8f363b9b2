"""What is proposed, as the situations find it, and how it becomes a correction of the guide.

Pure. A proposal that changes a value becomes a diff; a finding tells a person what to do, and has
none. What lets more through than before says so in its evidence: that is never for a machine to do.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum, unique
from math import ceil

from goaround_guidebook import NotCorrectable, correct
from goaround_guidebook.correction import line_of
from goaround_guidebook.tree import Path
from goaround_schemas.envelope import derived_id
from goaround_schemas.outcome import GuideCorrection
from goaround_scribe.learning.memory import RecordedRun

MOST_RUNS_NAMED = 10
_ROUND_S = (1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300, 450, 600, 900, 1200, 1800)


@unique
class Certainty(IntEnum):
    """How sure a situation is, the surest first: what was seen before what is worked out."""

    CUT_OFF = 1
    WAY_BACK_FAILED = 2
    TIGHT = 3
    UNREACHABLE = 4
    NO_DATA = 5
    NEVER_ANSWERED = 6
    RETRIED = 7
    NOISY = 8
    WIDE = 9
    HARMLESS = 10
    CANNOT_FAIL = 11


@dataclass(frozen=True, slots=True)
class Proposal:
    """One thing that the guide should say, or that a person should do about it."""

    certainty: Certainty
    path: Path
    field: str
    was: str
    proposed: str
    evidence: str
    runs: tuple[RecordedRun, ...]
    effect: str
    finding: bool = False
    """`proposed` says what to do, and is no value of the field."""
    loosens: str = ""
    """What it lets through that was stopped before."""


def correction_of(proposal: Proposal, service: str, text: str, name: str) -> GuideCorrection:
    """Return a proposal as the guide's correction, with its diff where one can be made."""
    evidence, diff = proposal.evidence, ""
    if proposal.finding:
        line = line_of(text, proposal.path)
        evidence = f"{name}:{line}: {evidence}" if line is not None else evidence
    else:
        try:
            diff = correct(text, proposal.path, proposal.proposed, name).diff
        except NotCorrectable as error:
            evidence = f"{evidence}; to be written by hand, since {error.why}"
    if proposal.loosens:
        evidence = f"{evidence}. It loosens a safety bound: {proposal.loosens}"
    return GuideCorrection(
        field=proposal.field,
        was=proposal.was,
        proposed=proposal.proposed,
        evidence=evidence,
        diff=diff,
        id=derived_id(service, "guide.correction", proposal.field, proposal.proposed),
        runs=tuple(run.run_id for run in proposal.runs[:MOST_RUNS_NAMED]),
        effect=proposal.effect,
    )


def round_up(seconds: float) -> timedelta:
    """Return the next length of time that a person would write."""
    nice = next((s for s in _ROUND_S if s >= seconds - 1e-9), None)
    return timedelta(seconds=nice if nice is not None else ceil(seconds / 1800) * 1800)


def counted(count: int, noun: str) -> str:
    """`1 run`, `3 runs`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def cut(text: str, most: int = 200) -> str:
    """Return the beginning of a text that may be of any length, on one line fit for a terminal."""
    said = " ".join("".join(c if c.isprintable() else " " for c in text[: 2 * most]).split())
    return said if len(said) <= most else f"{said[: most - 1]}…"
