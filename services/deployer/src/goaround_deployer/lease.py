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
        """How often a worker looks that waits for a holder to let go."""
        return self.beat_s / 2

    @property
    def sign_s(self) -> float:
        """Within what time a holder that lives writes, and half as long again."""
        return 1.5 * self.beat_s

    def dead_at(self, seen_at: float, lain_s: float, told_at: float) -> float:
        """Return when the holder of a journal that goes on lying still is dead.

        By the clock of the one who waits: the journal was first looked at at `seen_at`, and known
        at `told_at` to have lain still for `lain_s` by then, by the clock of the bucket alone. That
        clock may be set, so a holder has the time for a sign of life in any case.
        """
        return max(told_at + self.lease_s - max(lain_s, 0.0), seen_at + self.sign_s)
