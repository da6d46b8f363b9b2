"""YAML text as a stream of typed events. The only place that knows ruamel.

A text that is no YAML ends the stream with the one fault that says where.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from ruamel.yaml import YAML, events
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from goaround_guidebook.fault import Fault


@dataclass(slots=True)
class Place:
    """Where something stands: offsets into the text; line and column count from 1."""

    start: int
    end: int
    line: int
    column: int


class Kind(Enum):
    """What the scanner came upon."""

    DOCUMENT = auto()
    SCALAR = auto()
    ALIAS = auto()
    SEQUENCE = auto()
    MAPPING = auto()
    END = auto()


_KINDS: dict[type, Kind] = {
    events.DocumentStartEvent: Kind.DOCUMENT,
    events.ScalarEvent: Kind.SCALAR,
    events.AliasEvent: Kind.ALIAS,
    events.SequenceStartEvent: Kind.SEQUENCE,
    events.MappingStartEvent: Kind.MAPPING,
    events.SequenceEndEvent: Kind.END,
    events.MappingEndEvent: Kind.END,
}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing in the text, with what it brings along."""

    kind: Kind
    place: Place
    text: str = ""
    style: str | None = None
    anchor: str = ""
    tag: str = ""
    flow: bool = False


class Unreadable(ValueError):
    """The text is no YAML that can be gone on with. Holds the one fault that ended it."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class _Plain(YAML):
    """The library without its plug-ins, for which it would search the disk with each text."""

    def official_plug_ins(self) -> Any:
        return []


def scan(text: str, name: str) -> Iterator[Event]:
    """Yield what stands in a text, in its order, reading no further than was asked for.

    Raises:
        Unreadable: From here on it is no YAML.
    """
    yaml: Any = _Plain(typ="safe", pure=True)
    try:
        for event in yaml.parse(text):
            of: type = event.__class__
            if (kind := _KINDS.get(of)) is not None:
                yield _event(kind, event)
    except ReaderError as exc:
        broken: Any = exc
        place = place_at(text, broken.position)
        what = f"the character {chr(broken.character)!r} is not allowed in YAML"
        raise Unreadable(Fault(name, place.line, place.column, what)) from exc
    except MarkedYAMLError as exc:
        raise Unreadable(_syntax(exc, text, name)) from exc
    except (YAMLError, RecursionError) as exc:
        raise Unreadable(Fault(name, 1, 1, f"no YAML: {exc}")) from exc


def place_at(text: str, index: int) -> Place:
    """Return the place of an offset into the text."""
    line = text.count("\n", 0, index) + 1
    return Place(index, index, line, index - text.rfind("\n", 0, index))


def _event(kind: Kind, event: Any) -> Event:
    start, end = event.start_mark, event.end_mark
    place = Place(start.index, end.index, start.line + 1, start.column + 1)
    if kind is Kind.SCALAR:
        return Event(
            kind, place, event.value, event.style or None, event.anchor or "", event.tag or ""
        )
    if kind in (Kind.SEQUENCE, Kind.MAPPING):
        flow = bool(event.flow_style)
        return Event(kind, place, anchor=event.anchor or "", tag=event.tag or "", flow=flow)
    return Event(kind, place, anchor=getattr(event, "anchor", None) or "")


def _syntax(exc: Any, text: str, name: str) -> Fault:
    mark = exc.problem_mark or exc.context_mark
    place = place_at(text, mark.index if mark else 0)
    if text[place.start : place.start + 1] == "\t":
        return Fault(name, place.line, place.column, "a tab; YAML is indented with spaces")
    said = str(exc.problem or "it cannot be read")
    if exc.context and exc.context_mark:
        said += f" ({exc.context} that begins on line {exc.context_mark.line + 1})"
    return Fault(name, place.line, place.column, f"no YAML: {said}")
