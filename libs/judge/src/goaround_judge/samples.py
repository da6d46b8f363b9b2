"""What one look at a signal brought back, and why it may not be a number.

Whether a number can be used is decided once, here; no rule downstream ever takes a missing number
for a good or a bad one.
"""

from array import array
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, model_validator

Floats = npt.NDArray[np.float64]


class SampleState(StrEnum):
    """What a look brought back. Only `OK` carries evidence; every other state is the lack of it."""

    OK = "ok"
    """A finite number, or a count."""
    NO_DATA = "no_data"
    """The source answered, and had nothing for this signal."""
    NAN = "nan"
    """The source answered with something that is not a number."""
    STALE = "stale"
    """The source repeated an answer that is too old to speak of now."""
    PROVIDER_ERROR = "provider_error"
    """The source could not be asked."""
    TOO_FEW = "too_few"
    """The source answered from too few events to mean anything."""


_NEARLY_HALF = 0.499
"""Of a millisecond: beyond it the number's own digits tell whether it is up or down."""
_OK = SampleState.OK
OK = _OK.value
"""The key under which looks that brought a number are counted; to ask the enum takes longer."""


class Sample(BaseModel):
    """One look at one signal; `at_s` is seconds after the switch, negative before it."""

    model_config = ConfigDict(frozen=True)

    at_s: float
    value: float | None = None
    state: SampleState = SampleState.OK
    errors: float | None = None
    requests: float | None = None


class Columns(BaseModel):
    """The same looks as columns of equal length, which cost a fraction of so many samples.

    A column that is left out says nothing: no state means that all are ok.
    """

    model_config = ConfigDict(frozen=True)

    at_s: tuple[float, ...] = ()
    value: tuple[float | None, ...] = ()
    state: tuple[SampleState, ...] = ()
    errors: tuple[float | None, ...] = ()
    requests: tuple[float | None, ...] = ()

    @model_validator(mode="after")
    def _of_equal_length(self) -> "Columns":
        for name in ("value", "state", "errors", "requests"):
            length = len(getattr(self, name))
            if length not in (0, len(self.at_s)):
                raise ValueError(f"{name} has {length} looks, at_s has {len(self.at_s)}")
        return self


class Levels(NamedTuple):
    """The usable numbers of a series in the order of their time."""

    at_s: Floats
    values: Floats


class Tallies(NamedTuple):
    """The usable counts of a series in the order of their time.

    `exposure` is requests where they were counted, else one for each look (`of_requests`).
    """

    at_s: Floats
    errors: Floats
    exposure: Floats
    of_requests: bool


class Series(NamedTuple):
    """A series read once: every look in the order of its time, the missing numbers as NaN."""

    at_s: Floats
    values: Floats
    errors: Floats
    requests: Floats
    usable: npt.NDArray[np.bool_]
    states: dict[str, int]

    @property
    def counts_requests(self) -> bool:
        """Tell whether any look counted the requests behind its errors."""
        return bool(np.count_nonzero(np.isfinite(self.requests)))

    def levels(self) -> Levels:
        """Return the finite numbers of the looks that are ok."""
        if self.states[OK] == len(self.at_s):
            return Levels(self.at_s, self.values)
        return Levels(self.at_s[self.usable], self.values[self.usable])

    def tallies(self, *, of_requests: bool) -> Tallies:
        """Return the counts of the looks that are ok; one that saw no request says nothing.

        A look without `errors` counts its `value`, so that a source of plain counts serves too.
        """
        errors = np.maximum(_counts(self.errors, self.values), 0.0)
        # More errors than requests is a race between two counters, not a rate above one.
        exposure = np.maximum(self.requests, errors) if of_requests else np.ones(len(errors))
        # What is usable has a finite count of errors; requests may be missing all the same.
        keep = self.usable & np.isfinite(exposure) & (exposure > 0)
        if np.count_nonzero(keep) == len(keep):
            return Tallies(self.at_s, errors, exposure, of_requests)
        return Tallies(self.at_s[keep], errors[keep], exposure[keep], of_requests)


_STATE, _AT_S, _VALUE = itemgetter("state"), itemgetter("at_s"), itemgetter("value")
_ERRORS, _REQUESTS = itemgetter("errors"), itemgetter("requests")
_NO_LOOKS = {state.value: 0 for state in SampleState}


@lru_cache(maxsize=64)
def _all_ok(looks: int) -> dict[str, int]:
    """Return how many looks came to what where all are ok; shared, so never written to."""
    return {**_NO_LOOKS, SampleState.OK.value: looks}


@lru_cache(maxsize=64)
def _nothing(length: int) -> Floats:
    """Return a column without a number; shared, so never written to."""
    column = np.full(length, np.nan)
    column.setflags(write=False)
    return column


def read(looks: Sequence[Sample] | Columns, *, counts: bool = False) -> Series:
    """Return the looks as arrays; one that says ok and holds no finite number is not ok.

    `counts` reads errors and requests as well, which only a signal of errors has.
    """
    if isinstance(looks, Columns):
        return _series(
            _moments(np.array(looks.at_s, dtype=np.float64)),
            _column(looks.value, len(looks.at_s)),
            _column(looks.errors, len(looks.at_s)) if counts else None,
            _column(looks.requests, len(looks.at_s)) if counts else None,
            looks.state,
        )
    rows = list(map(vars, looks))  # a model is slow to ask for an attribute
    return _series(
        _moments(np.array(list(map(_AT_S, rows)), dtype=np.float64)),
        _column(list(map(_VALUE, rows)), len(rows)),
        _column(list(map(_ERRORS, rows)), len(rows)) if counts else None,
        _column(list(map(_REQUESTS, rows)), len(rows)) if counts else None,
        list(map(_STATE, rows)),
    )


class Moments(NamedTuple):
    """The times of some looks, which signals may share, and whether they are in order."""

    at_s: Floats
    in_order: bool


def _moments(at_s: Floats) -> Moments:
    """Return these times, looked through once for all signals."""
    return Moments(at_s, not np.count_nonzero(at_s[1:] < at_s[:-1]))


def moments_since(switched: float, at: "array[float]") -> Moments:
    """Return times in seconds after the switch, as `round` does it to three digits.

    Of many looks in a tenth of its time.
    """
    seconds = np.frombuffer(at) - switched if at else np.empty(0)
    exact = seconds * 1000
    whole = np.rint(exact)
    if at and float(np.abs(exact - whole).max()) > _NEARLY_HALF:
        return _moments(np.array([round(one, 3) for one in seconds.tolist()]))
    return _moments(whole / 1000)


def read_arrays(
    times: Moments,
    value: "array[float] | None",
    state: Sequence[SampleState],
    errors: "array[float] | None" = None,
    requests: "array[float] | None" = None,
    *,
    counts: bool = False,
) -> Series:
    """Return columns of doubles as arrays, without a copy; a missing number is NaN in them.

    As `read` of the same `Columns`. They must not be changed as long as the series is used.
    """
    n = len(times.at_s)
    return _series(
        times,
        _view(value, n),
        _view(errors, n) if counts else None,
        _view(requests, n) if counts else None,
        state,
    )


def _view(numbers: "array[float] | None", length: int) -> Floats:
    return np.frombuffer(numbers) if numbers else _nothing(length)


def _column(numbers: Sequence[float | None], length: int) -> Floats:
    # numpy reads None as NaN, which is what a missing number is from here on, but slowly.
    if not numbers or (numbers[0] is None and numbers.count(None) == length):
        return _nothing(length)
    return np.array(numbers, dtype=np.float64)


def _counts(errors: Floats, values: Floats) -> Floats:
    """Return the errors of each look, or its value where it has none."""
    missing = np.isnan(errors)
    return np.where(missing, values, errors) if np.count_nonzero(missing) else errors


def _series(
    times: Moments,
    values: Floats,
    errors: Floats | None,
    requests: Floats | None,
    given: Sequence[SampleState],
) -> Series:
    """Return the columns in the order of their time, with what each look is worth."""
    at_s, n = times.at_s, len(times.at_s)
    usable: npt.NDArray[np.bool_] = np.isfinite(
        values if errors is None else _counts(errors, values)
    )
    errors = _nothing(n) if errors is None else errors
    requests = _nothing(n) if requests is None else requests
    states = _all_ok(n)
    if (given and given.count(_OK) < n) or np.count_nonzero(usable) < n:
        said_ok = np.array([state is _OK for state in given or (_OK,) * n], dtype=np.bool_)
        states = {s.value: given.count(s) for s in SampleState} if given else {**states}
        empty = int((said_ok & ~usable).sum())
        states[OK] -= empty
        states[SampleState.NAN.value] += empty
        usable = usable & said_ok
    if not times.in_order:
        order = np.argsort(at_s, kind="stable")
        at_s, values, errors = at_s[order], values[order], errors[order]
        requests, usable = requests[order], usable[order]
    return Series(at_s, values, errors, requests, usable, states)
