"""What a commit of the record says, and how the answer tells of it.

Pure. A record is committed where it lies in a git checkout, one commit for a run.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from textwrap import fill
from typing import Protocol

from goaround_schemas.recording import DeployRecordedData, Entry, WorkRecord
from goaround_scribe.entry import title_of
from goaround_scribe.markdown import plain

_WIDE = 72  # characters of a line; git's own pages indent by four
_WRITTEN = ("changelog", "journal", "docs")


@dataclass(frozen=True, slots=True)
class Message:
    """A commit's words; the run stands in a trailer, by which a repeat is known."""

    title: str
    body: str
    run_id: str
    at: datetime

    @property
    def text(self) -> str:
        """The whole message as git takes it."""
        return f"{self.title}\n\n{self.body}\n\nRun: {self.run_id}\n"


class Commits(Protocol):
    """Commits of files, by the names that guides give them."""

    def commit(self, names: Iterable[str], message: Message) -> dict[str, str]:
        """Commit the files that lie in a checkout, once for a run.

        Return a word on each of them: as what it was committed, or why not and what to do. It
        never raises for what a checkout refuses.
        """
        ...


def message_for(command: WorkRecord) -> Message:
    """Return the message of a run's commit, in plain words."""
    run = command.data
    why = plain(run.request_reason) if run.request_reason else "no reason was given"
    asked = f"Asked for by {plain(run.requested_by, 120)}: {why}"
    body = "\n\n".join(
        fill(words, _WIDE, break_long_words=False, break_on_hyphens=False)
        for words in (plain(run.reason), asked)
    )
    return Message(
        title=title_of(run, command.time),
        body=body,
        run_id=run.run_id,
        at=command.time,
    )


def files_of(recorded: DeployRecordedData) -> tuple[str, ...]:
    """Return the names of the files that hold the run."""
    names = (entry.where for entry in recorded.entries if _holds(entry))
    return tuple(dict.fromkeys(name for name in names if name))


def told(recorded: DeployRecordedData, words: Mapping[str, str]) -> DeployRecordedData:
    """Return the answer with what became of each file in git, added to its detail."""
    entries = tuple(
        entry.model_copy(update={"detail": "; ".join(filter(None, (entry.detail, word)))})
        if _holds(entry) and (word := words.get(entry.where or ""))
        else entry
        for entry in recorded.entries
    )
    return recorded.model_copy(update={"entries": entries})


def _holds(entry: Entry) -> bool:
    return entry.what in _WRITTEN and entry.outcome in ("written", "unchanged")
