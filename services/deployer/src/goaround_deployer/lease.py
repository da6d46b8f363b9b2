"""How long a run's journal that lies still is trusted. Pure: no clock, no bucket."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a still journal is trusted, and how often a holder writes."""

    lease_s: float = 10.0
    beat_s: float = 2.0

    @property
    def give_up_s(self) -> float:
        """When a holder that cannot write stops by itself: before anybody may take over."""
        return self.lease_s - self.beat_s

    @property
    def look_s(self) -> float:
        """How often a waiting worker looks."""
        return self.beat_s / 2
