"""Writing down one run: each thing by itself, so that one that fails keeps no other from its place.

Every write is the same when done twice, so a process that dies between two of them leaves nothing
that the next does not complete. It never raises for what a disk or a page refuses: that is an
entry `failed`, and the run goes on.
"""

from collections.abc import Callable
from pathlib import PurePath

from goaround_guidebook import GuideInvalid
from goaround_schemas.outcome import GuideCorrection
from goaround_schemas.recording import DeployRecordedData, Entry, WorkRecord
from goaround_scribe import changelog, journal, section
from goaround_scribe.configfile import config_file
from goaround_scribe.documentation import news_of
from goaround_scribe.entry import entry_for
from goaround_scribe.learning import counted, learn
from goaround_scribe.memory import State, advanced
from goaround_scribe.page import NotWritten, Pages
from goaround_scribe.section import SectionBroken


def writes(command: WorkRecord) -> bool:
    """Tell whether the guide names anything that a run is written to."""
    return command.data.record.changelog is not None or command.data.docs is not None


def record(command: WorkRecord, pages: Pages) -> DeployRecordedData:
    """Write down all there is to write, and return what became of each."""
    run = command.data
    changed = _changelog(command, pages)
    kept, past = _journal(command, pages)
    documented = _docs(command, pages)
    corrections, learned = _corrections(command, past)
    return DeployRecordedData(
        run_id=run.run_id,
        service=run.service,
        environment=run.environment,
        entries=(changed, kept, documented, learned),
        corrections=corrections,
    )


def given_up(command: WorkRecord, why: str) -> DeployRecordedData:
    """Return the answer where nothing could be written."""
    run = command.data
    where = {"changelog": run.record.changelog, "docs": run.docs}
    entries = tuple(
        Entry(what=what, outcome="failed", where=where.get(what), detail=why)
        for what in ("changelog", "journal", "docs", "corrections")
    )
    return DeployRecordedData(
        run_id=run.run_id, service=run.service, environment=run.environment, entries=entries
    )


def _changelog(command: WorkRecord, pages: Pages) -> Entry:
    run, name = command.data, command.data.record.changelog
    if name is None:
        return _skipped("changelog", "the guide names no change log (record: changelog)")

    def with_entry(text: str) -> str:
        if changelog.holds(text, run.run_id):
            return text
        return changelog.inserted(text, entry_for(run, command.time))

    return _done("changelog", name, lambda: pages.amend(name, with_entry))


def _journal(command: WorkRecord, pages: Pages) -> tuple[Entry, bytes | None]:
    """Return what became of the run's line, and the journal as it was; None if it was not read."""
    run = command.data
    if run.record.changelog is None:
        why = "it stands beside the change log, and the guide names none"
        return _skipped("journal", why), None
    name = _beside(run.record.changelog)
    past: bytes | None = None

    def line(existing: bytes) -> bytes | None:
        nonlocal past
        past = existing
        return journal.addition(existing, run.run_id, journal.line_for(command))

    return _done("journal", name, lambda: pages.extend(name, line)), past


def _docs(command: WorkRecord, pages: Pages) -> Entry:
    run, name = command.data, command.data.docs
    if name is None:
        return _skipped("docs", "the guide names no page (docs)")

    def current(text: str) -> str:
        found = section.find(text)
        state = found.state if found else State()
        files = {file: config_file(file, pages.read(file)) for file in run.record.configuration}
        known = state.environments.get(run.environment)
        after = advanced(state, news_of(run, command.time, known, files))
        if found and after == state:
            return text
        heading = "" if text.strip("\ufeff \t\r\n") else f"# {run.service}\n"
        return section.written(text + heading, found, after)

    return _done("docs", name, lambda: pages.amend(name, current))


def _corrections(
    command: WorkRecord, past: bytes | None
) -> tuple[tuple[GuideCorrection, ...], Entry]:
    try:
        lesson = learn(command.data, past or b"")
    except GuideInvalid as error:
        said = f"the guide that the run followed cannot be read again: {error.faults[0]}"
        return (), Entry(what="corrections", outcome="failed", detail=said)
    told = [f"{c.field}: {c.was} -> {c.proposed}, {c.evidence}" for c in lesson.corrections]
    told += lesson.not_learned
    told = told or ["the guide fits"]
    if past is None:
        told.append("learned from this run alone: there is no journal to read the others in")
    else:
        told.append(f"learned from {counted(lesson.runs, 'run')} on record")
    if lesson.broken:
        were = "was" if lesson.broken == 1 else "were"
        lines = counted(lesson.broken, "line")
        told.append(f"{lines} of the journal could not be read and {were} passed over")
    return lesson.corrections, Entry(
        what="corrections",
        outcome="written" if lesson.corrections else "unchanged",
        where=command.data.guide_name,
        detail="; ".join(told),
    )


def _done(what: str, name: str, write: Callable[[], bool]) -> Entry:
    try:
        changed = write()
    except NotWritten as error:
        return _entry(what, "failed", name, error.why)
    except SectionBroken as error:
        return _entry(what, "failed", name, f"{name}, {error}")
    return _entry(what, "written" if changed else "unchanged", name, "")


def _skipped(what: str, why: str, name: str | None = None) -> Entry:
    return _entry(what, "skipped", name, why)


def _entry(what: str, outcome: str, where: str | None, detail: str) -> Entry:
    document = {"what": what, "outcome": outcome, "where": where, "detail": detail}
    return Entry.model_validate(document)


def _beside(name: str) -> str:
    """`docs/CHANGELOG.jsonl` beside `docs/CHANGELOG.md`."""
    path = PurePath(name)
    beside = path.with_suffix(".jsonl") if path.name else path
    return str(beside if beside != path else path.with_name(f"{path.name}.jsonl"))
