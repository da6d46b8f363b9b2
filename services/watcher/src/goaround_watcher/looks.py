"""All looks at one signal in columns, which cost a tenth of so many rows. Pure.

To all others they are a sequence of rows that is never changed, only followed by a longer one. In
the document each column is one text (base64 of doubles, least byte first); a column of which every
look says the same, that it is ok or that it holds no such number, is left out.
"""

import math
import sys
from array import array
from binascii import Error as NoBase64
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, cast, overload

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from goaround_judge import Moments, SampleState, Series, read_arrays

_STATES = tuple(SampleState)
_CODES = {state: code for code, state in enumerate(_STATES)}
_OK = SampleState.OK
_SWAPS = sys.byteorder == "big"


class Row(NamedTuple):
    """One look at one signal."""

    at: float
    value: float | None
    state: SampleState = SampleState.OK
    errors: float | None = None
    requests: float | None = None


Rows = tuple[Row, ...]
Numbers = tuple[float | None, ...]


class Looks(Sequence[Row]):
    """Looks in order of time."""

    __slots__ = ("_at", "_errors", "_requests", "_states", "_value")

    def __init__(
        self,
        at: "array[float]",
        value: "array[float] | None",
        states: bytes | None,
        errors: "array[float] | None",
        requests: "array[float] | None",
    ) -> None:
        self._at = at
        self._value = value
        self._states = states
        self._errors = errors
        self._requests = requests

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "Looks":
        """Return these rows as looks; looks are themselves."""
        if isinstance(rows, Looks):
            return rows
        kept = tuple(rows)
        if not kept:
            return NONE
        codes = bytes(_CODES[row.state] for row in kept)
        return cls(
            array("d", [row.at for row in kept]),
            _column([row.value for row in kept]),
            codes if any(codes) else None,
            _column([row.errors for row in kept]),
            _column([row.requests for row in kept]),
        )

    @property
    def at(self) -> "array[float]":
        """The times, in seconds since 1970; not to be changed."""
        return self._at

    @property
    def values(self) -> Numbers:
        """The numbers, None where there is none; nothing where there is none at all."""
        return _numbers(self._value)

    @property
    def errors(self) -> Numbers:
        """The counts of errors, as `values`."""
        return _numbers(self._errors)

    @property
    def requests(self) -> Numbers:
        """The counts of requests, as `values`."""
        return _numbers(self._requests)

    @property
    def states(self) -> tuple[SampleState, ...]:
        """What the looks brought; nothing where all are ok."""
        return () if self._states is None else tuple(_STATES[code] for code in self._states)

    @property
    def all_ok(self) -> bool:
        """Whether every look brought what it should."""
        return self._states is None

    def state_at(self, place: int) -> SampleState:
        """Return what one look brought."""
        return _OK if self._states is None else _STATES[self._states[place]]

    def series(self, times: Moments, *, counts: bool) -> Series:
        """Return the looks as the judge reads them, at times that are told anew."""
        return read_arrays(
            times, self._value, self.states, self._errors, self._requests, counts=counts
        )

    def plus(self, rows: Sequence[Row]) -> "Looks":
        """Return these looks and more."""
        if not rows:
            return self
        if len(rows) == 1:
            return self._plus_one(rows[0])
        more = Looks.of(rows)
        if not self._at:
            return more
        n, m = len(self), len(more)
        states = self._states, more._states
        return Looks(
            self._at + more._at,
            _joined(self._value, n, more._value, m),
            None if states == (None, None) else (states[0] or bytes(n)) + (states[1] or bytes(m)),
            _joined(self._errors, n, more._errors, m),
            _joined(self._requests, n, more._requests, m),
        )

    def _plus_one(self, row: Row) -> "Looks":
        """Return the same for one row, which is what almost every look brings."""
        n, states = len(self._at), self._states
        if states is not None or row.state is not _OK:
            states = (states or bytes(n)) + bytes((_CODES[row.state],))
        at, value, _, errors, requests = row
        return Looks(
            self._at + array("d", (at,)),
            _longer(self._value, n, value),
            states,
            _longer(self._errors, n, errors),
            _longer(self._requests, n, requests),
        )

    def __len__(self) -> int:
        return len(self._at)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> Rows: ...
    def __getitem__(self, place: int | slice) -> Row | Rows:
        if isinstance(place, slice):
            return tuple(self[i] for i in range(*place.indices(len(self))))
        return Row(
            self._at[place],
            _number(self._value, place),
            self.state_at(place),
            _number(self._errors, place),
            _number(self._requests, place),
        )

    def __iter__(self) -> Iterator[Row]:
        return (self[i] for i in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Looks):
            return self.columns() == other.columns()
        return tuple(self) == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash((bytes(self._at), bytes(self._value or b"")))

    def __repr__(self) -> str:
        return f"Looks({tuple(self)!r})"

    def is_same(self, other: "Looks") -> bool:
        """Whether these are the very same looks, to the last bit."""
        return self is other or all(
            one is two or (one is not None and two is not None and bytes(one) == bytes(two))
            for one, two in (
                (self._at, other._at),
                (self._value, other._value),
                (self._states, other._states),
                (self._errors, other._errors),
                (self._requests, other._requests),
            )
        )

    @staticmethod
    def share_times(many: Iterable["Looks"]) -> None:
        """Let looks that were taken at the same times hold one column of them."""
        known: dict[bytes, array[float]] = {}
        for looks in many:
            looks._at = known.setdefault(looks._at.tobytes(), looks._at)

    def columns(self) -> dict[str, str]:
        """Return the looks as the document has them."""
        written: dict[str, str] = {}
        if self._at:
            written["at"] = _written(self._at)
        if self._value is not None:
            written["value"] = _written(self._value)
        if self._errors is not None:
            written["errors"] = _written(self._errors)
        if self._requests is not None:
            written["requests"] = _written(self._requests)
        if self._states is not None:
            written["state"] = _text(self._states)
        return written

    @classmethod
    def read(cls, given: object) -> "Looks":
        """Return looks of what a document has: columns, or the rows of its first format.

        Raises:
            ValueError: They are neither.
        """
        if isinstance(given, Looks):
            return given
        if isinstance(given, dict):
            return cls._of_columns(cast("dict[str, Any]", given))
        if isinstance(given, list | tuple):
            return cls.of([_row(row) for row in cast("Iterable[object]", given)])
        raise ValueError("looks are columns or rows")

    @classmethod
    def _of_columns(cls, given: dict[str, Any]) -> "Looks":
        at = _read(given.get("at"))
        if at is None:
            return NONE
        states = given.get("state")
        codes = None if states is None else _bytes(states)
        if codes is not None and max(codes, default=0) >= len(_STATES):
            raise ValueError("a look has no such state")
        value, errors, requests = (_read(given.get(n)) for n in ("value", "errors", "requests"))
        if {len(at)} != {len(c) for c in (at, value, codes, errors, requests) if c is not None}:
            raise ValueError("the columns differ in length")
        return cls(at, value, codes, errors, requests)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Say how looks are read and written."""
        return core_schema.no_info_plain_validator_function(
            cls.read,
            serialization=core_schema.plain_serializer_function_ser_schema(cls.columns),
        )


def _column(numbers: Sequence[float | None]) -> "array[float] | None":
    if all(number is None for number in numbers):
        return None
    return array("d", [math.nan if number is None else number for number in numbers])


def _joined(
    one: "array[float] | None", n: int, other: "array[float] | None", m: int
) -> "array[float] | None":
    if one is None and other is None:
        return None
    return (one or _missing(n)) + (other or _missing(m))


def _longer(column: "array[float] | None", n: int, number: float | None) -> "array[float] | None":
    if number is None:
        return None if column is None else column + _missing(1)
    return (_missing(n) if column is None else column) + array("d", (number,))


def _missing(count: int) -> "array[float]":
    return array("d", [math.nan]) * count


def _numbers(column: "array[float] | None") -> Numbers:
    if column is None:
        return ()
    numbers = column.tolist()
    if not math.isnan(sum(numbers)):  # The usual case, told without a look at each.
        return tuple(numbers)
    return tuple(None if math.isnan(number) else number for number in numbers)


def _number(column: "array[float] | None", place: int) -> float | None:
    if column is None:
        return None
    number = column[place]
    return None if math.isnan(number) else number


def _written(column: "array[float]") -> str:
    if _SWAPS:
        column = array("d", column)
        column.byteswap()
    return _text(column)


def _text(column: "array[float] | bytes") -> str:
    return b2a_base64(column, newline=False).decode()


def _bytes(given: object) -> bytes:
    if not isinstance(given, str):
        raise ValueError("a column is a text")
    try:
        return a2b_base64(given, strict_mode=True)
    except NoBase64 as error:
        raise ValueError("a column is no base64") from error


def _read(given: object) -> "array[float] | None":
    if given is None:
        return None
    column = array("d")
    column.frombytes(_bytes(given))
    if _SWAPS:
        column.byteswap()
    return column


def _row(given: object) -> Row:
    """Return a row of a document's first format, in which each look was a list."""
    if isinstance(given, Row):
        return given
    if not isinstance(given, list | tuple) or not 2 <= len(row := cast("list[Any]", given)) <= 5:
        raise ValueError(f"{given!r:.80} is no row of a look")
    at, value, *rest = row
    state = SampleState(rest[0]) if rest else _OK
    return Row(_float(at), _maybe(value), state, *map(_maybe, rest[1:]))


def _maybe(number: object) -> float | None:
    return None if number is None else _float(number)


def _float(number: object) -> float:
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError(f"a look holds {number!r}, which is no number")
    return float(number)


NONE = Looks(array("d"), None, None, None, None)
"""No look at all."""
