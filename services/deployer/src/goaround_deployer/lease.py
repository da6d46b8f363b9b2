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

    def dead_in_s(self, lain_s: float, watched_s: float) -> float:
        """Return how long a journal must go on lying still until its holder is taken for dead.

        `lain_s` is for how long it had done so when it was first looked at, by the clock of the
        bucket alone. That clock may be set, so it is watched for as long as a holder that lives
        needs to write, and half as long again; `watched_s` is how much of that is over.
        """
        return max(self.lease_s - max(lain_s, 0.0), 1.5 * self.beat_s) - watched_s
