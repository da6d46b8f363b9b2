"""What a run has to say on the page of its service.

Pure. Every text that came from elsewhere goes through `markdown`, whatever it is kept for.
"""

from collections.abc import Mapping
from datetime import datetime

from goaround_schemas.outcome import RollbackSummary
from goaround_schemas.procedure import PendingMigration
from goaround_schemas.recording import WorkRecordData
from goaround_scribe import database, links
from goaround_scribe.configfile import ConfigFile
from goaround_scribe.configuration import changes
from goaround_scribe.detail import proof
from goaround_scribe.entry import SAID
from goaround_scribe.evidence import evidence
from goaround_scribe.markdown import code, inline, length, moment, sentence
from goaround_scribe.memory import Changed, Deployment, News, Running, Story, files_of

_CELL = 160  # characters: a table with longer ones is read by nobody
_MOST = 12  # of any list in the story of a rollback


def news_of(
    run: WorkRecordData, at: datetime, known: Running | None, files: Mapping[str, ConfigFile]
) -> News:
    """Return what a run says; `known` is the page's row of its environment, before it."""
    went_back = run.outcome == "rolled_back"
    before = None if went_back else run.previous_guide_text
    return News(
        deployment=_deployment(run, at),
        version=run.previous_version if went_back else run.version,
        went_back=went_back,
        failed=run.outcome == "rollback_failed",
        why=_why(run, went_back),
        asked_by="–" if went_back and run.kind == "deploy" else inline(run.requested_by, 120),
        changed=Changed(
            artifact=links.artifact(run.artifact) if run.artifact and not went_back else "",
            configuration=changes(
                before, run.guide_text, files_of(known) if known else None, files
            ),
            migrations=() if went_back else tuple(_migration(m) for m in run.migrations[:_MOST]),
        ),
        files=files,
        dashboards=links.dashboards(run.guide_text),
        story=_story(run, at),
    )


def _why(run: WorkRecordData, went_back: bool) -> str:
    """Why the version runs that runs now."""
    said = inline(run.request_reason, _CELL) if run.request_reason else ""
    if not went_back:
        return said or "–"
    back = f"taken back from {inline(run.version or 'what was deployed', 130)}"
    return f"{back}: {said}" if said and run.kind == "rollback" else back


def _deployment(run: WorkRecordData, at: datetime) -> Deployment:
    version = inline(run.version or "–", 130)
    ended = SAID[run.outcome]
    return Deployment(
        run=run.run_id,
        at=at,
        environment=run.environment,
        version=f"rollback of {version}" if run.kind == "rollback" else version,
        ended=f"{ended} (emergency)" if run.emergency else ended,
        asked_by=inline(run.requested_by, 120),
        why=inline(run.request_reason, _CELL) if run.request_reason else "–",
    )


def _migration(migration: PendingMigration) -> str:
    name = " ".join(filter(None, (migration.revision, migration.name)))
    why = f": {inline('; '.join(migration.reasons), 300)}" if migration.reasons else ""
    return f"{inline(name, 200)}, {migration.kind}{why}"


def _story(run: WorkRecordData, at: datetime) -> Story | None:
    back = run.rollback
    if back is None:
        return None
    way = " on the way to" if run.outcome == "rollback_failed" else " to"
    to = f"{way} {inline(run.previous_version, 130)}" if run.previous_version else ""
    what = f"{inline(run.version or run.service, 130)} in {run.environment}"
    title = f"{what}: {SAID[run.outcome]}{to} ({moment(at)}, run {run.run_id})"
    return Story(run=run.run_id, at=at, title=title, lines=tuple(_told(run, back)))


def _told(run: WorkRecordData, back: RollbackSummary) -> list[str]:
    lines = [f"- Reason: {sentence(back.trigger)}"]
    if found := evidence(run):
        lines += ["- Evidence:", *(f"  - {piece}" for piece in found)]
    if (schema := database.reverted_of(run)) is not None:
        lines += database.reverted(schema, run.previous_version)[:_MOST]
    lines += proof(back, run.previous_version)[:_MOST]
    if back.known:
        lines += ["- Known:", *(f"  - {sentence(known)}" for known in back.known[:_MOST])]
    if back.next:
        lines += ["- To do next:", *(f"  - {code(step, 1000)}" for step in back.next[:_MOST])]
    if run.timeline:
        lines += ["- Timeline:", *_timeline(run)]
    return lines


def _timeline(run: WorkRecordData) -> list[str]:
    return [
        f"  - {moment(span.from_)}: {_phase(span.phase.value, span.stage)}, "
        f"{length(span.to - span.from_)}"
        for span in run.timeline[-2 * _MOST :]
    ]


def _phase(phase: str, stage: str | None) -> str:
    name = phase.replace("_", " ")
    return f"{name} ({inline(stage, 63)})" if stage else name
