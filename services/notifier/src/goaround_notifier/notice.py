"""One notice, as channels send it.

Pure. The words come ready in the command; here they only get their mark of urgency.
"""

from dataclasses import dataclass, field
from datetime import datetime

from goaround_schemas.guide import NoticeMoment
from goaround_schemas.notice import WorkNotify

# Bounds what a single notice can cost; a reason that quotes a whole log is nobody's reading.
LONGEST_TITLE = 250
LONGEST_TEXT = 8000


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told to whom. `to` has its secrets in place and is never shown."""

    id: str
    to: str = field(repr=False)
    run_id: str
    service: str
    environment: str
    version: str | None
    moment: NoticeMoment
    outcome: str | None
    title: str
    text: str
    urgent: bool
    time: datetime


def notice_of(command: WorkNotify, to: str) -> Notice:
    """The notice of a command, to an address whose references are resolved."""
    data = command.data
    return Notice(
        id=command.id,
        to=to,
        run_id=data.run_id,
        service=data.service,
        environment=data.environment,
        version=data.version,
        moment=data.moment,
        outcome=data.outcome,
        title=_cut(" ".join(data.title.split()), LONGEST_TITLE),
        text=_cut(data.text, LONGEST_TEXT),
        urgent=data.urgent,
        time=command.time,
    )


def headline(notice: Notice) -> str:
    """The title as people see it where there is nothing but text."""
    return f"URGENT: {notice.title}" if notice.urgent else notice.title


def document(notice: Notice) -> dict[str, object]:
    """What a webhook is sent. Its fields are a contract; it never holds the address."""
    return {
        "id": notice.id,
        "run_id": notice.run_id,
        "service": notice.service,
        "environment": notice.environment,
        "version": notice.version,
        "moment": notice.moment,
        "outcome": notice.outcome,
        "title": notice.title,
        "text": notice.text,
        "urgent": notice.urgent,
        "time": notice.time.isoformat().replace("+00:00", "Z"),
    }


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
