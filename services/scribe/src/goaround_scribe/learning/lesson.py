"""All that a run and those before it say of the guide, the surest first.

Pure, and the same for the same command. It proposes; whether the guide changes is for a person.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from goaround_guidebook import read
from goaround_schemas.guide import Guide
from goaround_schemas.outcome import GuideCorrection
from goaround_schemas.recording import WorkRecordData
from goaround_scribe.learning.bound import histories
from goaround_scribe.learning.memory import Memory, remember
from goaround_scribe.learning.patience import patience
from goaround_scribe.learning.proposal import Proposal, correction_of
from goaround_scribe.learning.silence import silences
from goaround_scribe.learning.timing import cut_off, not_learned, tight, wide
from goaround_scribe.learning.watching import harmless, signals
from goaround_scribe.learning.wayback import failed_ways_back

MOST_CORRECTIONS = 10
MOST_TEXT = 512 * 1024
"""Characters that all corrections together may have to be proven on: each is a whole guide read
again. The greatest guide there may be, of 256 KiB, gets its surest two."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is proposed, what proves nothing, and what it all rests on."""

    corrections: tuple[GuideCorrection, ...]
    not_learned: tuple[str, ...]
    runs: int
    """Runs that were looked at, this one among them."""
    broken: int
    """Lines of the journal that could not be read."""


def learn(run: WorkRecordData, journal: bytes = b"") -> Lesson:
    """Return what a run, and those of the journal before it, say of the guide that it followed.

    Raises:
        GuideInvalid: The text is no guide.
    """
    guide = read(run.guide_text, run.guide_name)
    memory = remember(run, journal)
    return Lesson(
        tuple(
            correction_of(proposal, run.service, run.guide_text, run.guide_name)
            for proposal in surest(proposals(guide, memory))[
                : MOST_TEXT // max(len(run.guide_text), 1)
            ]
        ),
        tuple(not_learned(guide, memory)),
        len(memory.runs),
        memory.broken,
    )


def proposals(guide: Guide, memory: Memory) -> Iterator[Proposal]:
    """Yield what each situation says, in no order that means anything."""
    yield from cut_off(guide, memory)
    for history in histories(guide, memory):
        found = tight(history) or wide(history, guide)
        if found is not None:
            yield found
    yield from patience(guide, memory)
    yield from silences(guide, memory)
    yield from signals(guide, memory)
    yield from harmless(guide, memory)
    yield from failed_ways_back(guide, memory)


def surest(found: Iterator[Proposal]) -> list[Proposal]:
    """Return the surest, one for each field: what changes it before what only speaks of it."""
    by_field: dict[tuple[str, str], Proposal] = {}
    for proposal in sorted(found, key=lambda p: (p.finding, *_order(p))):
        # One log may have several lines that mean no harm; one value has one correction.
        key = (proposal.field, proposal.proposed if len(proposal.path) == 3 else "")
        by_field.setdefault(key, proposal)
    return sorted(by_field.values(), key=_order)[:MOST_CORRECTIONS]


def _order(proposal: Proposal) -> tuple[int, int, str, str]:
    return proposal.certainty, -len(proposal.runs), proposal.field, proposal.proposed
