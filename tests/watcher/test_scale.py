"""The bench of many watches in its small form: that it measures, and that nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.watches import Load, measure

WATCHES = 100


@pytest.mark.system
async def test_no_watch_misses_a_look_or_its_verdict_as_watchers_come_and_are_killed(
    tmp_path: Path,
) -> None:
    said: list[str] = []
    figures = await measure(Load(WATCHES, every_s=1.0, seconds=18.0), tmp_path, said.append)
    assert (figures["verdicts_missing"], figures["ticks_unheard"]) == (0, 0), figures
    # How late it gets is the machine's matter; that a look was taken for most of them is not.
    assert figures["ticks"] + figures["ticks_lost"] >= 18 * WATCHES, figures
    assert set(figures["verdicts"]) <= {"green", "yellow"}, figures
    assert figures["takeover"]["share_of_joined"] > 0.1, figures
    assert 0 < figures["watcher_rss_mb"] < 300, figures
    assert figures["ms_a_tick"]["watcher"] > 0, figures
