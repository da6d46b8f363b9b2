"""Slots, shares and who is there: that no slot is forgotten, whoever sees what."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from goaround import topology
from goaround_watcher import presence, rota
from goaround_watcher.app import TICKS
from goaround_watcher.rota import SILENT_BEATS, SLOTS, Roster, Share, mine, slot, timer

NAMES = st.text("abcdef", min_size=1, max_size=3)
CROWDS = st.sets(NAMES, min_size=1, max_size=2 * SLOTS)


@given(CROWDS)
def test_who_all_see_each_other_leave_no_slot_out_and_share_evenly(crowd: set[str]) -> None:
    shares = [mine(SLOTS, me, crowd) for me in crowd]
    takers = Counter(slot for share in shares for slot in share)
    assert set(takers) == set(range(SLOTS))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    if len(crowd) <= SLOTS:
        assert set(takers.values()) == {1}
    else:
        assert all(len(share) == 1 for share in shares)
        assert max(takers.values()) - min(takers.values()) <= 1


@given(NAMES)
def test_who_hears_nobody_takes_all(me: str) -> None:
    assert mine(SLOTS, me, ()) == mine(SLOTS, me, [me]) == frozenset(range(SLOTS))
    assert Share().slots == frozenset(range(SLOTS))


@given(st.dictionaries(NAMES, CROWDS, min_size=1, max_size=6))
def test_with_different_pictures_each_takes_something(pictures: dict[str, set[str]]) -> None:
    """So nobody stands still; once they agree, the first test above holds."""
    assert all(mine(SLOTS, me, seen) for me, seen in pictures.items())


@given(st.lists(NAMES, min_size=2, max_size=SLOTS, unique=True))
def test_who_comes_last_takes_its_own_part_and_nothing_else_changes_hands(
    crowd: list[str],
) -> None:
    *before, last = sorted(crowd)
    its = mine(SLOTS, last, crowd)
    assert len(its) == SLOTS // len(crowd)
    for me in before:
        assert mine(SLOTS, me, crowd) == mine(SLOTS, me, before) - its


def test_slots_stay_as_they_are_while_alarms_are_set() -> None:
    """Another number or another sum would send every watch to a watcher that does not know it."""
    assert (SLOTS, slot("run-1"), slot("run-2"), slot("run-3")) == (4, 3, 1, 3)
    spread = Counter(slot(f"run-{number}") for number in range(8_000))
    assert set(spread) == set(range(SLOTS))
    assert max(spread.values()) < 1.2 * min(spread.values())


def test_the_bus_has_a_consumer_for_each_slot_and_one_for_alarms_without() -> None:
    wanted = {f"{TICKS}-{number}": timer(number) for number in range(SLOTS)}
    assert {TICKS: rota.TIMER, **wanted} == topology.WATCH_TIMERS
    assert topology.PRESENCE == presence.SUBJECT


def test_the_alert_knows_how_many_slots_there_are() -> None:
    alerts = Path(__file__).parents[2] / "deploy/prometheus/alerts.yml"
    assert f"sum(goaround_watch_slots) < {SLOTS}\n" in alerts.read_text()


def test_who_is_silent_for_so_many_beats_is_gone_and_a_word_counts_anew() -> None:
    roster = Roster()
    assert roster.heard("a")
    assert roster.heard("b")
    for _ in range(SILENT_BEATS - 1):
        assert roster.beat() == frozenset()
    assert not roster.heard("a")
    assert roster.beat() == {"b"}
    assert roster.others == {"a"}


def test_a_goodbye_needs_no_waiting_and_is_news_once() -> None:
    roster = Roster()
    roster.heard("a")
    assert roster.left("a")
    assert not roster.left("a")
    assert roster.others == frozenset()


def test_who_could_not_hear_takes_nobody_for_gone() -> None:
    roster = Roster()
    roster.heard("a")
    for _ in range(3 * SILENT_BEATS):
        roster.beat() if roster.others == frozenset() else roster.deaf()
    for _ in range(SILENT_BEATS - 1):
        assert roster.beat() == frozenset()
    assert roster.beat() == {"a"}
