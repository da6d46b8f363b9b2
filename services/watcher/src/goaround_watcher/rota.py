"""Who takes which watches' ticks: slots, who is there, and each one's share of the slots. Pure.

A watch has one slot for all its life, and each slot's ticks are a consumer of their own. While the
same watchers are there, the ticks of a watch come to the same one, which remembers it. All this
only leads: any watcher may take any tick.
"""

from collections.abc import Iterable
from zlib import crc32

SLOTS = 4
"""Each is a consumer, which costs the server some; fewer would make the shares of three or five
watchers more unequal. Slots cannot change in number while alarms are set."""
TIMER = "watch"
"""What an alarm is called whatever its slot; releases without slots set it by that name alone."""
SILENT_BEATS = 6
"""Own beats without a word of another one, after which it is gone."""


def slot(run_id: str) -> int:
    """Return the slot of a run's watches."""
    return crc32(run_id.encode()) % SLOTS


def timer(slot: int) -> str:
    """Return the name of the alarms of a slot."""
    return f"{TIMER}-{slot}"


def mine(slots: int, me: str, present: Iterable[str]) -> frozenset[int]:
    """Return the slots that I take, if all who are there deal them out like this.

    Each slot has one taker, and only a newcomer's change hands. Where there are more watchers than
    slots, each takes one, and some slots have several.
    """
    order = sorted({me, *present})
    hands = _dealt(slots, min(len(order), slots))
    return hands[order.index(me) % slots]


def _dealt(slots: int, count: int) -> list[frozenset[int]]:
    """Deal slots out among so many, as they came: each takes his part from who has the most."""
    hands = [[*range(slots)]]
    for others in range(1, count):
        hands.append([])
        for _ in range(slots // (others + 1)):
            hands[-1].append(max(hands[:-1], key=len).pop())
    return [frozenset(hand) for hand in hands]


class Share:
    """The slots that this process takes for now; all of them where it shares with nobody."""

    def __init__(self) -> None:
        self.slots = frozenset(range(SLOTS))

    def holds(self, run_id: str) -> bool:
        """Whether the next look at a run will be this process's, as it stands."""
        return slot(run_id) in self.slots


class Roster:
    """Who else is there. Silence is counted in our own beats, not by a clock.

    So a process that was stopped, or is kept too busy to hear, does not take all others for gone.
    """

    def __init__(self) -> None:
        self._silent: dict[str, int] = {}

    @property
    def others(self) -> frozenset[str]:
        """All that are taken to be there."""
        return frozenset(self._silent)

    def heard(self, who: str) -> bool:
        """Note a word of another one; return whether it is new."""
        is_new = who not in self._silent
        self._silent[who] = 0
        return is_new

    def left(self, who: str) -> bool:
        """Note a goodbye; return whether anything is changed by it."""
        return self._silent.pop(who, None) is not None

    def beat(self) -> frozenset[str]:
        """Count one beat, and return who is gone since."""
        for who in self._silent:
            self._silent[who] += 1
        gone = frozenset(who for who, beats in self._silent.items() if beats >= SILENT_BEATS)
        for who in gone:
            del self._silent[who]
        return gone

    def deaf(self) -> None:
        """Nobody can be heard now: all silence is counted anew."""
        self._silent = dict.fromkeys(self._silent, 0)
