"""How a leaking release gets worse: by its use alone, the same way each time.

Pure but for the wait it returns; the caller sleeps and fails.
"""

from goaround_shop.releases import Wear


class NoFreeConnection(RuntimeError):
    """What the leak looks like from within."""

    def __init__(self, lost: int) -> None:
        super().__init__(f"no free connection: {lost} were never given back")


class Leak:
    """Counts what a worn process has lost. Before the onset, and unused, it loses nothing."""

    def __init__(self, wear: Wear, started_s: float) -> None:
        self._wear = wear
        self._onset = started_s + wear.onset_s
        self._lost = 0
        self._owed = 0.0

    def delay_s(self, now_s: float) -> float:
        """Use it once; return how long this use takes longer.

        Raises:
            NoFreeConnection: this use is one of those that fail.
        """
        if now_s < self._onset:
            return 0.0
        self._lost += 1
        worn = min(1.0, self._lost / self._wear.full_after_requests)
        self._owed += worn / self._wear.fails_one_in
        if self._owed >= 1.0:
            self._owed -= 1.0
            raise NoFreeConnection(self._lost)
        return worn * self._wear.worst_delay_s
