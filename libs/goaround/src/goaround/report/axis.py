"""From numbers to places on a picture: scales, round marks, and how those read. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from goaround_judge.wording import number

_STEPS_S = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800),
)
_LOGARITHMIC_FROM = 40.0
"""Beyond that many times the usual, harm would squeeze everything else flat."""


@dataclass(frozen=True, slots=True)
class Times:
    """Time from left to right. Before the switch it may run faster, so that what follows has room.

    `left` to `switch` hold the time before, `switch` to `right` the time after.
    """

    first_s: float
    last_s: float
    left: float
    switch: float
    right: float

    def at(self, seconds: float) -> float:
        """Return where a moment is."""
        if seconds < 0:
            seconds = max(seconds, self.first_s)
            return self.switch - (self.switch - self.left) * seconds / self.first_s
        return self.switch + (self.right - self.switch) * min(seconds / self.last_s, 1.0)

    @property
    def squeeze(self) -> float:
        """Return how many times faster time runs before the switch than after it."""
        before, after = self.switch - self.left, self.right - self.switch
        return (-self.first_s / before) / (self.last_s / after) if before and self.first_s else 1.0

    def marks(self) -> list[tuple[float, str]]:
        """Return round moments on both sides, with their names."""
        found = _moments(self.last_s, max(2, int((self.right - self.switch) / 76)))
        if self.first_s < 0:
            before = _moments(-self.first_s, max(1, int((self.switch - self.left) / 84)))
            found += [(-at, f"−{name}") for at, name in before if at]
        return sorted(found)


def times(first_s: float, last_s: float, left: float, right: float) -> Times:
    """Return the time axis; the time before has a fifth of the width at least, and half at most."""
    before, after = max(-first_s, 0.0), max(last_s, 1e-3)
    share = 0.0 if not before else min(max(before / (before + after), 0.22), 0.42)
    return Times(-before, after, left, left + share * (right - left), right)


def _moments(length_s: float, most: int) -> list[tuple[float, str]]:
    step = next((s for s in _STEPS_S if length_s / s <= most), _STEPS_S[-1])
    return [(i * step, clock(i * step, step)) for i in range(int(length_s / step + 1e-9) + 1)]


def clock(seconds: float, step: float = 1.0) -> str:
    """`0`, `30 s`, `1:30`, `5 min`, `2 h`: as short as the step allows."""
    if seconds == 0:
        return "0"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f} {unit}"
    if seconds < 60:
        return f"{seconds:g} s"
    if seconds >= 3600:
        return f"{seconds // 3600:.0f}:{seconds % 3600 // 60:02.0f} h"
    return f"{seconds // 60:.0f}:{seconds % 60:02.0f}"


@dataclass(frozen=True, slots=True)
class Levels:
    """A quantity from bottom to top, in even steps or in even ratios."""

    low: float
    high: float
    bottom: float
    top: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """Return where a value is; what is beyond the picture stands at its edge."""
        value = min(max(value, self.low), self.high)
        if self.logarithmic:
            # Logarithms apart: the ratio of a great and a tiny number is none that there is.
            low = math.log(self.low)
            share = (math.log(value) - low) / (math.log(self.high) - low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.bottom - share * (self.bottom - self.top)

    def marks(self, most: int = 5) -> list[float]:
        """Return round values."""
        if self.logarithmic:
            exponents = range(
                math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1
            )
            found = [m * 10.0**e for e in exponents for m in (1, 2, 5)]
            found = [value for value in found if self.low <= value <= self.high]
            return found[:: -(-len(found) // (most + 1))] if found else []
        step = _round_step((self.high - self.low) / most)
        first = math.ceil(self.low / step - 1e-9)
        return [i * step for i in range(first, int(self.high / step + 1e-9) + 1)]


def levels(values: Iterable[float], usual: float | None, bottom: float, top: float) -> Levels:
    """Return the axis for these values, with nought on it unless they are far from it."""
    given = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(given), max(given)
    if low > 0 and usual is not None and high > _LOGARITHMIC_FROM * usual:
        return Levels(low / 1.4, high * 1.4, bottom, top, logarithmic=True)
    if 0 <= low <= 0.6 * high:
        low = 0.0
    room = (high - low) * 0.1 or abs(high) * 0.1 or 1.0
    return Levels(low if low == 0 else low - room, high + room, bottom, top)


def names(marks: Sequence[float], unit: str, *, percent: bool) -> list[str]:
    """Return how the values on an axis read; all with as many digits as tell them apart."""
    if percent:
        return [f"{number(100 * value)} %" for value in marks]
    if not marks:
        return []
    size = max(abs(value) for value in marks)
    for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if size >= 10 * factor:
            return [f"{number(value / factor)} {prefix}{unit}".rstrip() for value in marks]
    return [number(value, unit) for value in marks]


def _round_step(least: float) -> float:
    exponent = math.floor(math.log10(least)) if least > 0 else 0
    for factor in (1, 2, 2.5, 5, 10):
        if factor * 10.0**exponent >= least * (1 - 1e-9):
            return float(factor * 10.0**exponent)
    return float(10.0 ** (exponent + 1))
