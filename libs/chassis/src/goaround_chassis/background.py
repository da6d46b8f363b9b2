"""Tasks beside the messages: kept running as long as the service does, or done once at a try."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from goaround_chassis import telemetry
from goaround_chassis.health import Health

log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0
# A task that has run this long is taken to have recovered.
RECOVERED_AFTER_S = 60.0

Background = Callable[[], Coroutine[Any, Any, None] | Awaitable[None]]


async def keep_running(task: Background, health: Health) -> None:
    """Run a task until cancelled; whenever it ends by itself, say so and start it again."""
    name = name_of(task)
    loop = asyncio.get_running_loop()
    pause_s = FIRST_PAUSE_S
    while True:
        started_at = loop.time()
        try:
            await task()
            log.error("background_ended", task=name, again_s=pause_s)
        except Exception:  # whatever ended it, the service needs it running
            log.exception("background_died", task=name, again_s=pause_s)
        health.died(name)
        telemetry.BACKGROUND_DEATHS.labels(name).inc()
        if loop.time() - started_at > RECOVERED_AFTER_S:
            pause_s = FIRST_PAUSE_S
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


async def attempt(work: Callable[[], Awaitable[object]], name: str) -> bool:
    """Return whether it worked out; for what somebody else will do where it does not."""
    try:
        await work()
    except Exception as error:  # noqa: BLE001 - it is told, and left to others
        log.warning("attempt_failed", task=name, why=str(error) or type(error).__name__)
        return False
    return True


def name_of(call: Callable[..., object]) -> str:
    """How a log line calls a function, a method or what wraps one."""
    inner = getattr(call, "func", call)
    return str(getattr(inner, "__qualname__", None) or type(inner).__name__)
