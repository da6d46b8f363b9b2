"""Fetches a run and its recorded evidence, and writes them as one page."""

import os
from datetime import UTC, datetime
from pathlib import Path

from goaround.cli.session import Failed
from goaround.cli.why import explain
from goaround.client import Goaround
from goaround.errors import Refused
from goaround.recorded import NoRecording, recorded
from goaround.report.page import Chapter, page
from goaround.report.watched import watched
from goaround_judge.recording import Damaged
from goaround_schemas.api import EvidenceRow


async def write(g: Goaround, run_id: str, path: Path) -> str:
    """Write a run's page, whole or not at all; return what was done, in a line.

    Raises:
        Failed: It cannot be written there.
    """
    detail = await g.run(run_id)
    try:
        rows = (await g.evidence(detail.run.run_id)).verdicts
    except Refused:
        # Whoever answers knows no evidence: the rest of the run is worth its page.
        rows = ()
    chapters = [await _chapter(g, row) for row in rows]
    now = datetime.now(UTC)
    # The headline of `why` is the page's own.
    text = page(detail, chapters, explain(detail, now)[1:], now).encode("utf-8", "replace")
    try:
        _replace(path, text)
    except OSError as error:
        raise Failed(f"{path} cannot be written: {error.strerror}; name another file") from error
    return f"{path}: run {detail.run.run_id} on one page, {len(text) / 1024:.0f} kB"


async def _chapter(g: Goaround, row: EvidenceRow) -> Chapter:
    try:
        found = await recorded(g, row)
        return Chapter(row, watched(found, version=row.version, key=f"v{row.evidence_id}"))
    except (NoRecording, Damaged) as error:
        return Chapter(row, None, str(error))


def _replace(path: Path, text: bytes) -> None:
    """Put the text in a file's place at once, so that nobody ever reads half of it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(text)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
