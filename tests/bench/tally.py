"""What a bench hears of its watches, and what that comes to."""

import math
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pydantic_core

from goaround_chassis.bus import Received

_NEARLY = 1e-3


@dataclass
class Tally:
    """Looks, verdicts and how late they were."""

    every_s: float
    baselined: set[str] = field(default_factory=set[str])
    judged: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    looks: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    late_s: list[float] = field(default_factory=list[float])
    skipped: dict[str, int] = field(default_factory=dict[str, int])
    """Looks that were due up to a watch's last one and were not taken, since one was too late."""
    doubled: int = 0

    @property
    def ticks(self) -> int:
        """Looks that were heard of."""
        return len(self.late_s)

    async def hear(self, received: Received) -> None:
        """Take one message of the watchers'."""
        now = time.time()
        name = received.subject.split(".", 2)[1]
        if name == "observed":
            self._observed(pydantic_core.from_json(received.body), now)
        elif name == "judged":
            data = pydantic_core.from_json(received.body)["data"]
            self.judged[data["run_id"]] = data["summary"]
        elif name == "baselined":
            self.baselined.add(pydantic_core.from_json(received.body)["data"]["run_id"])

    def _observed(self, said: dict[str, Any], now: float) -> None:
        data = said["data"]
        numbers = self.looks[data["run_id"]]
        self.doubled += data["tick"] in numbers
        numbers.add(data["tick"])
        # When the watch began, from what the message says itself; each look is due in step with it.
        looked_at = _seconds(said["time"])
        slot = math.floor(data["elapsed_s"] / self.every_s + _NEARLY)
        due = looked_at - data["elapsed_s"] + slot * self.every_s
        self.skipped[data["run_id"]] = slot - data["tick"]
        if data["tick"]:
            self.late_s.append(max(now - due, 0.0))

    def late_since(self, place: int) -> float:
        """Return how late 99 of 100 ticks were at most, of those heard of since one of them."""
        return round(_quantile(self.late_s[place:], 0.99), 3)

    def said(self) -> str:
        """How it stands, in a line."""
        return f"{self.ticks} ticks, p99 {_quantile(self.late_s, 0.99):.3f} s late"

    def figures(self, watches: int) -> dict[str, Any]:
        """Return what was lost and how late it was."""
        unheard = sum(said["ticks"] - len(self.looks[run]) for run, said in self.judged.items())
        colours = [said["colour"] for said in self.judged.values()]
        return {
            "ticks": self.ticks,
            "tick_lateness_p50_s": round(_quantile(self.late_s, 0.5), 3),
            "tick_lateness_p99_s": round(_quantile(self.late_s, 0.99), 3),
            "tick_lateness_max_s": round(max(self.late_s, default=0.0), 3),
            "ticks_lost": sum(self.skipped.values()) + unheard,
            "ticks_unheard": unheard,
            "ticks_doubled": self.doubled,
            "verdicts_missing": watches - len(self.judged),
            "verdicts": {colour: colours.count(colour) for colour in sorted(set(colours))},
        }


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def _quantile(numbers: list[float], q: float) -> float:
    return sorted(numbers)[int(q * (len(numbers) - 1))] if numbers else 0.0
