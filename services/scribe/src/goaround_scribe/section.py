"""The deployment section of a service's page: found, read, and written anew.

Pure. It stands between two comments; all outside them is people's own and stays byte for byte. What
the section must remember (the other environments, the last deployments, configuration) is in a
comment of its own, so that the page is the only place that knows.
"""

import json
from dataclasses import dataclass

from pydantic import ValidationError

from goaround_scribe.body import rendered
from goaround_scribe.memory import State
from goaround_scribe.outline import Outline, lines_of, newline_of, outline

START = "<!-- goaround:deployment:start -->"
END = "<!-- goaround:deployment:end -->"
_STATE = "<!-- goaround:deployment:state "
_CLOSE = " -->"


class SectionBroken(ValueError):
    """The markers, or what stands between them, are not as they were written."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Section:
    """Where the section is; nowhere yet, if both are the same place."""

    begin: int
    end: int
    state: State


def find(text: str) -> Section | None:
    """Return the section; None if the page has none.

    Raises:
        SectionBroken: A marker is missing or stands twice, or its state cannot be read.
    """
    page = outline(text)
    starts = [line for line in page.prose if line.said.strip() == START]
    ends = [line for line in page.prose if line.said.strip() == END]
    if not starts and not ends:
        return None
    for found, called in ((starts, "start"), (ends, "end")):
        if len(found) > 1:
            what = f"the {called} marker stands twice; the first is on line {found[0].number}"
            raise SectionBroken(found[1].number, what)
    if not ends:
        raise SectionBroken(starts[0].number, f"the section has no end; add {END} after it")
    if not starts:
        raise SectionBroken(ends[0].number, f"the section has no start; add {START} before it")
    if ends[0].start < starts[0].start:
        raise SectionBroken(ends[0].number, "the end marker stands before the start marker")
    begin, end = starts[0].end, ends[0].start
    return Section(begin, end, _state(text, page, begin, end))


def _state(text: str, page: Outline, begin: int, end: int) -> State:
    for line in page.prose:
        said = line.said.strip()
        if begin <= line.start < end and said.startswith(_STATE):
            try:
                return State.model_validate_json(said.removeprefix(_STATE).removesuffix(_CLOSE))
            except ValidationError:
                what = "what the section remembers cannot be read; restore the line, or remove the"
                raise SectionBroken(line.number, f"{what} section to begin anew") from None
    if text[begin:end].strip():
        number = next(line.number for line in lines_of(text) if line.end > begin)
        what = "the section does not say what it remembers; restore it, or empty it to begin anew"
        raise SectionBroken(number, what)
    return State()


def written(text: str, section: Section | None, state: State) -> str:
    """Return the page with its section as the state says, put at the end where there was none."""
    newline = newline_of(text)
    body = _body(state).replace("\n", newline)
    if section is not None:
        return f"{text[: section.begin]}{body}{newline}{text[section.end :]}"
    end = outline(text).open_at
    if end is not None:
        line = next(line.number for line in lines_of(text) if line.start == end)
        raise SectionBroken(line, "code or a comment begins here and never ends: no place after it")
    gap = "" if not text else newline if text.endswith("\n") else newline * 2
    return f"{text}{gap}{START}{newline}{body}{newline}{END}{newline}"


def _body(state: State) -> str:
    # No '>' may stand in it, or a value could end the comment.
    memory = json.dumps(state.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False)
    hidden = _STATE + memory.replace("<", "\\u003c").replace(">", "\\u003e") + _CLOSE
    return "\n".join((*rendered(state), "", hidden))
