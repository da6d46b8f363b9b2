"""Do several signals stray at the same look? Then harm need not last to be believed.

One look of one signal proves nothing, however far it strays: that is a spike. But the same look
of several signals, each beyond all that its baseline has shown, is harm seen from several sides.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from goaround_judge.samples import Floats
from goaround_judge.verdicts import Colour, SignalVerdict, Word
from goaround_judge.wording import change, moment, number

LEAST_SIGNALS = 2
LOOKS_TO_A_SIGNAL = 2
"""Signals that must agree: half as many as the watch has looks, and two at the least.

A long watch sees more strays, and can wait for the next look; a short one can do neither.
"""


class Witness(NamedTuple):
    """One signal's looks after the switch and what each may reach; some of them stray."""

    verdict: SignalVerdict
    at_s: Floats
    values: Floats
    strays: npt.NDArray[np.bool_]
    far: npt.NDArray[np.bool_]
    limits: Floats
    unit: str


def needed(looks: int) -> int:
    """Return how many signals must stray together in a watch of so many looks."""
    return max(LEAST_SIGNALS, looks // LOOKS_TO_A_SIGNAL)


def seconded(
    verdicts: Sequence[SignalVerdict], witnesses: Sequence[Witness], looks: int, every_s: float
) -> tuple[SignalVerdict, ...]:
    """Return the verdicts, Red where enough signals stray at the same look, one of them by far.

    Not at the first, which holds the commotion of the switch itself.
    """
    straying = [one for one in witnesses if not one.verdict.muted]
    least = needed(looks)
    if len(straying) < least:
        return tuple(verdicts)
    moments = np.unique(np.concatenate([one.at_s[one.strays] for one in straying]))
    first = min(float(one.at_s[0]) for one in straying)
    moments = moments[moments > first + every_s / 2]
    for at in moments.tolist():
        together = [
            (one, place) for one in straying if (place := _stray_at(one, at, every_s)) is not None
        ]
        # Signals of one service share their weather: a little of it in several is no harm yet.
        if len(together) >= least and any(one.far[place] for one, place in together):
            break
    else:
        return tuple(verdicts)
    red = {
        id(one.verdict): _red(one, place, at, [other.verdict.name for other, _ in together])
        for one, place in together
    }
    return tuple(red.get(id(verdict), verdict) for verdict in verdicts)


def _stray_at(witness: Witness, at_s: float, every_s: float) -> int | None:
    """Return the look that is the signal's last at a moment, if it strays and is of this tick."""
    place = int(np.searchsorted(witness.at_s, at_s, side="right")) - 1
    if place < 0 or not witness.strays[place] or witness.at_s[place] <= at_s - every_s:
        return None
    return place


def _red(witness: Witness, place: int, at_s: float, names: Sequence[str]) -> SignalVerdict:
    """Return the witness's verdict, Red from this moment on unless it was so before."""
    verdict, unit = witness.verdict, witness.unit
    if verdict.red_at_s is not None and verdict.red_at_s <= at_s:
        return verdict
    value, usual = float(witness.values[place]), verdict.baseline or 0.0
    limit = float(witness.limits[place])
    share = value / usual - 1 if usual > 0 else None
    moved = "" if share is None else f" ({change(share)})"
    others = ", ".join(sorted(name for name in names if name != verdict.name)[:3])
    return replace(
        verdict,
        colour=Colour.RED,
        verdict=Word.REGRESSED,
        reason=(
            f"{verdict.name}: {number(value, unit)} against {number(usual, unit)} before"
            f"{moved} {moment(at_s)}, beyond the {number(limit, unit)} that one look "
            f"may reach, at the same look as {others}"
        ),
        observed=value,
        change=share,
        limit=limit,
        green_limit=limit,
        would_be_green=f"would have been Green without {verdict.name} and {others} together",
        red_at_s=at_s,
        excess=max(verdict.excess, 1.0),
        improved=False,
    )
