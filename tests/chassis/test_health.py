import asyncio
import json
import socket
import urllib.request
from functools import partial
from pathlib import Path

import pytest

from goaround_chassis.background import keep_running, name_of
from goaround_chassis.health import DEATHS, DEATHS_WITHIN_S, STALL_S, Health
from goaround_chassis.probes import Probes


class Ticks:
    """Monotonic seconds, moved by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def test_a_loop_that_has_not_run_for_a_while_is_not_live() -> None:
    ticks = Ticks()
    health = Health(ticks)
    ticks.at += STALL_S + 1
    assert health.live().complaints == ("the event loop has not run for 11 s",)
    health.beat()
    assert health.live().well


def test_a_service_is_not_ready_before_it_says_so_nor_when_it_is_not_live() -> None:
    ticks = Ticks()
    health = Health(ticks)
    assert not health.ready().well
    health.not_ready(())
    assert health.ready().well
    health.fatal(("consumer A/b was deleted",))
    assert not health.live().well
    assert health.ready().complaints == ("consumer A/b was deleted",)


def test_a_task_that_dies_now_and_then_is_endured_and_one_that_keeps_dying_is_not() -> None:
    ticks = Ticks()
    health = Health(ticks)
    for _ in range(DEATHS * 2):
        health.died("relay")
        ticks.at += DEATHS_WITHIN_S / 3
        health.beat()
    assert health.live().well
    for _ in range(DEATHS):
        health.died("relay")
    assert health.live().complaints == ("background task relay keeps dying",)


@pytest.mark.parametrize("ends", [RuntimeError("no"), None])
async def test_a_background_task_that_ends_is_started_again(ends: Exception | None) -> None:
    starts = 0
    again = asyncio.Event()

    async def relay() -> None:
        nonlocal starts
        starts += 1
        if starts == 2:
            again.set()
            await asyncio.Event().wait()
        if ends is not None:
            raise ends

    running = asyncio.create_task(keep_running(relay, Health()))
    async with asyncio.timeout(5):
        await again.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert starts == 2


def test_a_log_line_names_the_function_that_is_wrapped() -> None:
    assert name_of(Ticks().__call__) == "Ticks.__call__"
    assert name_of(partial(keep_running, health=Health())) == "keep_running"
    assert name_of(Ticks()) == "Ticks"


def test_probes_answer_while_nobody_else_does(tmp_path: Path) -> None:
    health = Health()
    health.not_ready(())
    with Probes(health, "127.0.0.1", 0, tmp_path / "port") as probes:
        assert (tmp_path / "port").read_text() == f"{probes.port}\n"
        # One who connects and says nothing must not keep the others waiting.
        with socket.create_connection(("127.0.0.1", probes.port)):
            url = f"http://127.0.0.1:{probes.port}/ready"
            with urllib.request.urlopen(url, timeout=2) as answer:
                assert json.loads(answer.read()) == {"ok": True, "reasons": []}
