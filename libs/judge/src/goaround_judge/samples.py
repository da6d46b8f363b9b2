"""What one look at a signal brought back, and why it may not be a number.

Whether a number can be used is decided once, here; no rule downstream ever takes a missing number
for a good or a bad one.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

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


class Sample(BaseModel):
    """One look at one signal; `at_s` is seconds after the switch, negative before it."""

    model_config = ConfigDict(frozen=True)

    at_s: float
    value: float | None = None
    state: SampleState = SampleState.OK
    errors: float | None = None
    requests: float | None = None


@dataclass(frozen=True, slots=True)
class Levels:
    """The usable numbers of a series in the order of their time."""

    at_s: Floats
    values: Floats


@dataclass(frozen=True, slots=True)
class Tallies:
    """The usable counts of a series in the order of their time.

    `exposure` is requests where every look counted them, else one for each look (`of_requests`).
    """

    at_s: Floats
    errors: Floats
    exposure: Floats
    of_requests: bool


def state_of(sample: Sample) -> SampleState:
    """Return the state a sample deserves: one that says ok and holds no finite number is not."""
    if sample.state is not SampleState.OK:
        return sample.state
    number = sample.value if sample.errors is None else sample.errors
    if number is None:
        return SampleState.NO_DATA
    return SampleState.OK if math.isfinite(number) else SampleState.NAN


def states(samples: Iterable[Sample]) -> dict[str, int]:
    """Count the samples of each state, every state named, in the enum's order."""
    counted = Counter(state_of(sample) for sample in samples)
    return {state.value: counted[state] for state in SampleState}


def levels(samples: Iterable[Sample]) -> Levels:
    """Return the finite numbers among the samples."""
    ok = SampleState.OK
    pairs = [(s.at_s, s.value) for s in samples if s.state is ok and s.value is not None]
    table = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    table = table[np.isfinite(table[:, 1])]
    if len(table) > 1 and bool((table[1:, 0] < table[:-1, 0]).any()):
        table = table[np.argsort(table[:, 0], kind="stable")]
    return Levels(table[:, 0], table[:, 1])


def tallies(samples: Iterable[Sample], *, with_requests: bool) -> Tallies:
    """Return the counts among the samples; a look that saw no request says nothing and is left out.

    A sample without `errors` counts its `value`, so that a source of plain counts serves as well.
    """
    rows: list[tuple[float, float, float]] = []
    for sample in samples:
        errors = sample.value if sample.errors is None else sample.errors
        if sample.state is not SampleState.OK or errors is None or not math.isfinite(errors):
            continue
        exposure = 1.0
        if with_requests:
            if sample.requests is None or not math.isfinite(sample.requests):
                continue
            # More errors than requests is a race between two counters, not a rate above one.
            exposure = max(sample.requests, errors)
        if exposure > 0:
            rows.append((sample.at_s, max(errors, 0.0), exposure))
    table = np.array(sorted(rows), dtype=np.float64).reshape(-1, 3)
    return Tallies(table[:, 0], table[:, 1], table[:, 2], with_requests)
