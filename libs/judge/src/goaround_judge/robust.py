"""Order statistics and the few distributions the judge needs, on plain arrays.

Pure arithmetic; knows nothing of signals or verdicts.
"""

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from goaround_judge.samples import Floats

_NORMAL = NormalDist()
MAD_TO_SIGMA = 1.4826
"""Of a normal distribution: its standard deviation over its median absolute deviation."""
UPPER_TENTH_SIGMAS = 1.2816


@lru_cache(maxsize=256)
def _windows(length: int, width: int) -> npt.NDArray[np.intp]:
    """Return the places of every `width` neighbours in a series of this length."""
    return np.arange(width)[:, None] + np.arange(length - width + 1)[None, :]


def rolling_low_median(values: Floats, width: int) -> Floats:
    """Return the lower median of every `width` neighbours: what more than half of them reach.

    The lower one, so that an even window still takes a majority to move.
    """
    if len(values) < width:
        return values[:0]
    if width == 3:
        a, b, c = values[:-2], values[1:-1], values[2:]
        return np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))
    place = (width - 1) // 2
    windows: Floats = values[_windows(len(values), width)]
    windows.partition(place, axis=0)
    return np.asarray(windows[place], dtype=np.float64)


def reached(values: Floats, width: int) -> Floats:
    """Return, for each look, the level a majority of the last `width` looks has reached.

    Nothing (minus infinity) before there are so many looks, but for a width of three, which
    speaks from the second look on, then asking both: one look is never enough.
    """
    levels = np.full(len(values), -np.inf)
    windows = rolling_low_median(values, width)
    levels[len(values) - len(windows) :] = windows
    if width == 3 and len(values) >= 2:
        levels[1] = min(values[0], values[1])
    return levels


def median(ordered: Floats) -> float:
    """Return the median of values that are already in order."""
    n = len(ordered)
    return 0.5 * float(ordered[(n - 1) // 2] + ordered[n // 2])


def upper_spread(values: Floats) -> float:
    """Return a standard deviation that outliers do not move and a long upper side widens."""
    return upper_spread_of(np.sort(values))


def upper_spread_of(ordered: Floats) -> float:
    """Return the same of values that are already in order."""
    centre = median(ordered)
    strays = np.abs(ordered - centre)
    strays.sort()
    mad = median(strays)
    tenth = float(ordered[int(0.9 * len(ordered))]) - centre
    return max(MAD_TO_SIGMA * mad, tenth / UPPER_TENTH_SIGMAS)


def memory(values: Floats, ordered: Floats) -> float:
    """Return how many neighbouring values are worth one independent one; at least 1.

    From the lag-one autocorrelation, as of an AR(1) process, with its small-sample bias
    (Marriott and Pope 1954, Kendall 1954) put back; values are winsorised so that one
    outlier does not hide the rest. `ordered` is the same values in order.
    """
    n = len(values)
    if n < 4:
        return 1.0
    x = np.minimum(np.maximum(values, ordered[n // 20]), ordered[n - 1 - n // 20])
    x = x - x.sum() / n
    power = float(x @ x)
    if power <= 0:
        return 1.0
    rho = float(x[1:] @ x[:-1]) / power
    rho = rho + (1 + 3 * rho) / n
    # Beyond 0.9 a series is a trend, and no window of it can calibrate anything.
    rho = min(max(rho, 0.0), 0.9)
    return (1 + rho) / (1 - rho)


@lru_cache(maxsize=4096)
def student_upper(tail: float, freedom: float) -> float:
    """Return the value that Student's t exceeds with probability `tail` (Hill 1970, ACM 396)."""
    n = max(freedom, 1.5)
    p = 2 * min(max(tail, 1e-12), 0.5)
    a = 1 / (n - 0.5)
    b = 48 / (a * a)
    c = ((20700 * a / b - 98) * a - 16) * a + 96.36
    d = ((94.5 / (b + c) - 3) / b + 1) * math.sqrt(a * math.pi / 2) * n
    y = (d * p) ** (2 / n)
    if y > 0.05 + a:
        x = _NORMAL.inv_cdf(p / 2)
        y = x * x
        if n < 5:
            c += 0.3 * (n - 4.5) * (x + 0.6)
        c += (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b
        y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x
        y = math.expm1(a * y * y)
    else:
        y = (
            (1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)) * y - 1
        ) * (n + 1) / (n + 2) + 1 / y
    return math.sqrt(n * y)
