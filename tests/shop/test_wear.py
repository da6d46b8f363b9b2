import pytest

from goaround_shop.releases import Wear
from goaround_shop.wear import Leak, NoFreeConnection

WEAR = Wear(onset_s=2.0, full_after_requests=10, worst_delay_s=1.0, fails_one_in=4)


def _use(leak: Leak, now_s: float) -> float | None:
    """One use: its delay, None if it failed."""
    try:
        return leak.delay_s(now_s)
    except NoFreeConnection:
        return None


def test_before_its_onset_a_leak_loses_nothing_however_much_it_is_used() -> None:
    leak = Leak(WEAR, started_s=100.0)
    assert {_use(leak, 101.9) for _ in range(1000)} == {0.0}


def test_unused_it_does_not_get_worse_with_time() -> None:
    leak = Leak(WEAR, started_s=0.0)
    assert _use(leak, 1_000_000.0) == pytest.approx(0.1)


def test_each_use_makes_the_next_slower_up_to_its_worst() -> None:
    leak = Leak(WEAR, started_s=0.0)
    delays = [delay for _ in range(100) if (delay := _use(leak, 3.0)) is not None]
    assert delays == sorted(delays)
    assert delays[-1] == 1.0


def test_at_its_worst_one_use_in_so_many_fails() -> None:
    leak = Leak(WEAR, started_s=0.0)
    for _ in range(WEAR.full_after_requests):
        _use(leak, 3.0)
    assert [_use(leak, 3.0) for _ in range(400)].count(None) == 100


def test_it_wears_the_same_way_each_time() -> None:
    one, other = Leak(WEAR, 0.0), Leak(WEAR, 0.0)
    assert [_use(one, 3.0) for _ in range(50)] == [_use(other, 3.0) for _ in range(50)]
