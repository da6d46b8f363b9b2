"""A run as an entry of a change log, written as a team would publish it: short first, then all.

Pure. What a reader must know stands in the open, and so does what a person has to do; the
particulars fold away. Every text that came from elsewhere goes through `markdown`.
"""

from collections.abc import Iterator
from datetime import datetime

from goaround_schemas.recording import WorkRecordData
from goaround_scribe import database, links
from goaround_scribe.changelog import marker
from goaround_scribe.detail import blocks, matrix_told, watch_told
from goaround_scribe.markdown import code, day, inline, length, plain, sentence

MOST_TOLD = 20  # warnings, known facts, commands: of each

SAID = {
    "succeeded": "succeeded",
    "rolled_back": "rolled back",
    "rollback_failed": "ROLLBACK FAILED",
}
FOLDED = "Steps, checks, measurements and times"


def entry_for(run: WorkRecordData, at: datetime) -> str:
    """Return the entry, its marker first, without an end of line at its end."""
    open_ones = [
        [marker(run.run_id), f"## {inline(title_of(run, at), 400)}"],
        ["**EMERGENCY: it did not wait for queue, freeze or approval.**"] if run.emergency else [],
        [sentence(run.reason)],
        list(_facts(run)),
        *_for_people(run),
    ]
    folded = [
        ["<details>", f"<summary>{FOLDED}</summary>"],
        *blocks(run),
        [f"Guide {inline(run.guide_name, 100)}, {inline(run.guide_digest, 100)}"],
        ["</details>"],
    ]
    return "\n\n".join("\n".join(lines) for lines in (*open_ones, *folded) if lines)


def title_of(run: WorkRecordData, at: datetime) -> str:
    """Return the run in one line of plain words: what, where, how it ended, on which day."""
    what = plain(f"{run.service} {run.version}" if run.version else run.service, 200)
    kind = "rollback of " if run.kind == "rollback" else ""
    urgent = "EMERGENCY: " if run.emergency else ""
    return f"{urgent}{kind}{what} in {run.environment}: {SAID[run.outcome]} ({day(at)})"


def asked(run: WorkRecordData) -> str:
    """Return who asked for it, and why."""
    why = f": {inline(run.request_reason)}" if run.request_reason else ", who gave no reason"
    return f"{inline(run.requested_by, 120)}{why}"


def _facts(run: WorkRecordData) -> Iterator[str]:
    yield f"- Asked for by {asked(run)}"
    yield f"- Previous version: {inline(run.previous_version or 'none on record', 130)}"
    if run.artifact:
        yield f"- Artifact: {links.artifact(run.artifact)}"
    if schema := database.summary(run):
        yield f"- Database: {schema}"
    if proven := _proven(run):
        yield f"- Verified: {proven}"
    if run.watch is not None:
        yield f"- Watched: {watch_told(run.watch)}"
    if found := links.dashboards(run.guide_text):
        yield f"- Dashboards: {', '.join(found)}"
    took = length(run.timeline[-1].to - run.timeline[0].from_) if run.timeline else ""
    yield f"- Run {run.run_id}{f', {took} from the request on' if took else ''}"


def _proven(run: WorkRecordData) -> str:
    """The last look at what runs now."""
    back = run.rollback
    if back is not None:
        return matrix_told(back.matrix) if back.matrix else "nothing, after the rollback"
    health = [matrix for matrix in run.verification if matrix.kind in ("health", "monitoring")]
    return matrix_told(health[-1]) if health else ""


def _for_people(run: WorkRecordData) -> Iterator[list[str]]:
    """What asks for somebody's attention."""
    if run.warnings:
        yield ["**Warnings**"]
        yield [f"- {sentence(warning)}" for warning in run.warnings[:MOST_TOLD]]
    if run.rollback is None:
        return
    if run.rollback.known:
        yield ["**What is known**"]
        yield [f"- {sentence(known)}" for known in run.rollback.known[:MOST_TOLD]]
    if run.rollback.next:
        yield ["**What a person can do next**"]
        steps = run.rollback.next[:MOST_TOLD]
        yield [f"{n}. {code(step, 1000)}" for n, step in enumerate(steps, 1)]
