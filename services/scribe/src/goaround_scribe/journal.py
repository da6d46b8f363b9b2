"""The same record for machines: one JSON line for each run, appended.

Pure. A line that was cut off by a crash is left alone; the next begins on a line of its own.
"""

import json
from typing import Any

from goaround_schemas.recording import WorkRecord

_NOT_KEPT: dict[str, Any] = {
    "guide_text": True,
    "previous_guide_text": True,
    "record": True,
    "docs": True,
    "steps": {"__all__": {"output"}},
    "rollback": {"steps": {"__all__": {"output"}}},
}


def line_for(command: WorkRecord) -> str:
    """Return the line of a run, without its end. What programs printed is not kept."""
    document: dict[str, Any] = {
        "recorded_at": command.time.isoformat(),
        **command.data.model_dump(mode="json", exclude_none=True, exclude=_NOT_KEPT),
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def addition(existing: bytes, run_id: str, line: str) -> bytes | None:
    """Return what is to be appended; None if the run is there already."""
    sought, place = json.dumps(run_id).encode(), 0
    while (place := existing.find(sought, place)) >= 0:
        start, end = existing.rfind(b"\n", 0, place) + 1, existing.find(b"\n", place)
        end = len(existing) if end < 0 else end
        if _run_of(existing[start:end]) == run_id:
            return None
        place = end
    glue = b"\n" if existing and not existing.endswith(b"\n") else b""
    return glue + line.encode() + b"\n"


def _run_of(line: bytes) -> object:
    try:
        document: Any = json.loads(line)
    except ValueError:
        return None
    return document.get("run_id") if isinstance(document, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
