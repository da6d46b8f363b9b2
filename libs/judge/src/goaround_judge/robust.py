"""Order statistics and the few distributions the judge needs, on plain arrays.

Pure arithmetic; knows nothing of signals or verdicts.
"""

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from goaround_judge.samples import Floats

_NORMAL = NormalDist()
MAD_TO_SIGMA = 1.4826
"""Of a normal distribution: its standard deviation over its median absolute deviation."""
UPPER_TENTH_SIGMAS = 1.2816


def rolling_low_medians(values: Floats) -> dict[int, Floats]:
    """Return the lower median of every 3, 6 and 12 neighbours: what more than half of them reach.

    The lower one, so that an even window still takes a majority to move. Each width is merged from
    the one before: the k-th of two runs in order is the least, over i + j = k, of the greater of
    the first's i-th and the second's j-th.
    """
    least, greatest = np.minimum, np.maximum
    one, two, three = values[:-2], values[1:-1], values[2:]
    low, high = least(one, two), greatest(one, two)
    upper = least(high, three)
    first, middle, last = least(low, upper), greatest(low, upper), greatest(high, three)
    a1, a2, a3 = first[:-3], middle[:-3], last[:-3]
    b1, b2, b3 = first[3:], middle[3:], last[3:]
    low3 = least(a3, b3)
    s3 = least(least(low3, greatest(a2, b1)), greatest(a1, b2))
    if len(s3) <= 6:
        return {3: middle, 6: s3, 12: s3[:0]}
    high1 = greatest(a1, b1)
    s1, s2 = least(a1, b1), least(high1, least(a2, b2))
    s4 = greatest(greatest(high1, least(a2, b3)), least(a3, b2))
    s5, s6 = greatest(low3, greatest(a2, b2)), greatest(a3, b3)
    sixth = least(least(s6[:-6], s6[6:]), greatest(s3[:-6], s3[6:]))
    for fewer, more in ((s1, s5), (s2, s4), (s4, s2), (s5, s1)):
        sixth = least(sixth, greatest(fewer[:-6], more[6:]))
    return {3: middle, 6: s3, 12: sixth}


def reached(values: Floats) -> Floats:
    """Return, for each look, the level a majority of the last three looks has reached.

    Nothing (minus infinity) at the first; the second asks both: one look is never enough.
    """
    levels = np.empty(len(values))
    levels[:1] = -np.inf
    one, two, three = values[:-2], values[1:-1], values[2:]
    levels[2:] = np.maximum(np.minimum(one, two), np.minimum(np.maximum(one, two), three))
    if len(values) >= 2:
        levels[1] = min(values[0], values[1])
    return levels


def median(ordered: Floats) -> float:
    """Return the median of values that are already in order."""
    n = len(ordered)
    return 0.5 * float(ordered[(n - 1) // 2] + ordered[n // 2])


def in_order(values: Floats) -> Floats:
    """Return the values in order."""
    ordered = values.copy()  # a copy sorted in place costs half of what np.sort does
    ordered.sort()
    return ordered


def upper_spread(ordered: Floats, centre: float) -> float:
    """Return a standard deviation that outliers do not move and a long upper side widens.

    The values are in order, and `centre` is their median.
    """
    strays = np.abs(ordered - centre)
    strays.sort()
    tenth = float(ordered[int(0.9 * len(ordered))]) - centre
    return max(MAD_TO_SIGMA * median(strays), tenth / UPPER_TENTH_SIGMAS)


def memory(values: Floats, ordered: Floats) -> float:
    """Return how many neighbouring values are worth one independent one; at least 1.

    From the lag-one autocorrelation, as of an AR(1) process, with its small-sample bias
    (Marriott and Pope 1954, Kendall 1954) put back; values are winsorised so that one
    outlier does not hide the rest. `ordered` is the same values in order.
    """
    n = len(values)
    if n < 4:
        return 1.0
    x = np.minimum(np.maximum(values, float(ordered[n // 20])), float(ordered[n - 1 - n // 20]))
    x -= float(x.sum()) / n
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
