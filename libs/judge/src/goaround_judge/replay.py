"""Has a recorded verdict again: the same bytes, or what is said differently now. Pure.

It never says which of two verdicts is right: a judge that has moved on may well know better.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final, NamedTuple

from pydantic import JsonValue

from goaround_judge.judging import judge
from goaround_judge.recording import Damaged, Recording
from goaround_judge.verdicts import Verdict


class Absent:
    """Stands for a value that is not there at all, which null is."""

    def __repr__(self) -> str:
        """Return it in words."""
        return "nothing"


Found = JsonValue | Absent
ABSENT: Final = Absent()
WHOLE = "(the whole)"


class Difference(NamedTuple):
    """One value that is said differently now; `path` leads to it in the verdict's JSON."""

    path: str
    was: Found
    now: Found


@dataclass(frozen=True, slots=True)
class Replayed:
    """A verdict that was had again, beside the one on record."""

    verdict: Verdict
    recorded: dict[str, JsonValue]
    same: bool
    """Byte for byte."""
    differences: tuple[Difference, ...]

    @property
    def recorded_version(self) -> str:
        """Return the judge's version that the record names; empty where it names none."""
        version = self.recorded.get("judge_version", "")
        return version if isinstance(version, str) else ""

    @property
    def another_judge(self) -> bool:
        """Whether the judge has moved on since, so that a difference is to be expected."""
        return self.recorded_version != self.verdict.judge_version


def replay(recording: Recording) -> Replayed:
    """Return the verdict of today's judge on what was recorded, held against the one on record.

    Raises:
        Damaged: The verdict on record is no JSON object.
    """
    try:
        recorded: JsonValue = json.loads(recording.verdict)
    except ValueError as error:
        raise Damaged(f"its verdict is no JSON: {error}") from error
    if not isinstance(recorded, dict):
        raise Damaged("its verdict is no JSON object")
    verdict = judge(recording.evidence)
    text = verdict.model_dump_json()
    if text == recording.verdict:
        return Replayed(verdict, recorded, same=True, differences=())
    found = tuple(_differences("", recorded, json.loads(text)))
    # Equal values in other bytes: another order of fields, or another way to write a number.
    differing = found or (Difference(WHOLE, recording.verdict, text),)
    return Replayed(verdict, recorded, same=False, differences=differing)


def _differences(path: str, was: Found, now: Found) -> Iterator[Difference]:
    """Yield what differs, each at the deepest place where it can be told."""
    if isinstance(was, dict) and isinstance(now, dict):
        yield from _of_fields(path, was, now)
    elif isinstance(was, list) and isinstance(now, list):
        yield from _of_entries(path, was, now)
    elif was is ABSENT or now is ABSENT or type(was) is not type(now) or was != now:
        yield Difference(path or WHOLE, was, now)


def _of_fields(
    path: str, was: dict[str, JsonValue], now: dict[str, JsonValue]
) -> Iterator[Difference]:
    for key in dict.fromkeys((*was, *now)):
        inner = f"{path}.{key}" if path else key
        yield from _differences(inner, was.get(key, ABSENT), now.get(key, ABSENT))


def _of_entries(path: str, was: list[JsonValue], now: list[JsonValue]) -> Iterator[Difference]:
    """Hold parts against each other by name where they have one, else by place."""
    earlier, later = _by_name(was), _by_name(now)
    if earlier is not None and later is not None:
        for name in dict.fromkeys((*earlier, *later)):
            inner = f"{path}[{json.dumps(name, ensure_ascii=False)}]"
            yield from _differences(inner, earlier.get(name, ABSENT), later.get(name, ABSENT))
        return
    for place, (one, other) in enumerate(zip_longest(was, now, fillvalue=ABSENT)):
        yield from _differences(f"{path}[{place}]", one, other)


def _by_name(entries: list[JsonValue]) -> dict[str, JsonValue] | None:
    """Return the entries by their names; None where they have none, or one stands twice."""
    named: dict[str, JsonValue] = {}
    for entry in entries:
        if isinstance(entry, dict) and isinstance(name := entry.get("name"), str):
            named[name] = entry
    return named if len(named) == len(entries) else None
