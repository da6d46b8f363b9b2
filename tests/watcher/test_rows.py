"""The looks of a signal over an outage: what was hidden takes its place when it is told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from goaround_judge import SampleState
from goaround_watcher.looks import NONE, Looks, Row
from goaround_watcher.rows import outage_since, with_fresh
from tests.watcher.builders import row, since_1970

BROKEN = SampleState.PROVIDER_ERROR


def shown(rows: Looks) -> list[tuple[float, float | None]]:
    return [(round(r.at - since_1970(0), 3), r.value) for r in rows]


def test_an_outage_lasts_from_the_last_look_that_was_answered() -> None:
    assert outage_since(NONE) is None
    assert outage_since(Looks.of((row(0, 1), row(5, 2)))) is None
    assert outage_since(
        Looks.of((row(0, 1), row(5, None, BROKEN), row(10, None, BROKEN)))
    ) == since_1970(0)
    assert outage_since(Looks.of((row(5, None, BROKEN), row(10, None, BROKEN)))) == since_1970(5)
    assert outage_since(Looks.of((row(0, None, BROKEN), row(5, 2)))) is None


def test_numbers_take_the_place_of_the_outage_that_hid_them() -> None:
    known = (row(0, 1), row(5, None, BROKEN), row(10.2, None, BROKEN))
    fresh = (row(0, 1), row(5, 2), row(10, 3), row(15, 4))
    assert shown(with_fresh(Looks.of(known), fresh, 5)) == [(0, 1), (5, 2), (10, 3), (15, 4)]


def test_an_outage_that_goes_on_is_kept_look_by_look() -> None:
    known = (row(0, 1), row(5, None, BROKEN))
    assert shown(with_fresh(Looks.of(known), (row(10, None, BROKEN),), 5)) == [
        (0, 1),
        (5, None),
        (10, None),
    ]


def test_where_nothing_was_there_in_the_outage_it_stays() -> None:
    known = (row(0, 1), row(5, None, BROKEN), row(10, None, BROKEN))
    assert shown(with_fresh(Looks.of(known), (row(10, 3), row(15, 4)), 5)) == [
        (0, 1),
        (5, None),
        (10, 3),
        (15, 4),
    ]


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_whatever_fails_no_look_is_doubled_and_none_lost(answered: list[bool]) -> None:
    known = NONE
    for i, is_up in enumerate(answered):
        now = since_1970(5 * i)
        since = outage_since(known)
        if is_up:
            begin = now if since is None else min(since + 5, now)
            count = round((now - begin) / 5) + 1
            fresh = tuple(Row(now - 5 * back, float(i - back)) for back in reversed(range(count)))
        else:
            fresh = (Row(now, None, BROKEN),)
        known = with_fresh(known, fresh, 5)
    assert [r.at for r in known] == [since_1970(5 * i) for i in range(len(answered))]
    last_up = max((i for i, is_up in enumerate(answered) if is_up), default=0)
    first_up = answered.index(True) if True in answered else len(answered)
    hidden = [r for r in known[first_up:last_up] if r.state is BROKEN]
    assert not hidden
