"""Waiting for a run's end: what happens in the meantime, and the exit code in the end.

It only looks on. To leave it, by Ctrl-C or by --timeout, leaves the run alone.
"""

import asyncio
from collections.abc import Mapping

from goaround.cli import outcome
from goaround.cli.progress import Progress
from goaround.cli.screen import Screen
from goaround.cli.session import Usage
from goaround.handle import RunHandle
from goaround_schemas.duration import parse_duration
from goaround_schemas.outcome import DeployFinished
from goaround_schemas.phase import Outcome

_SILENCE_S = 10.0


def seconds_of(timeout: str | None) -> float | None:
    """Return a --timeout in seconds.

    Raises:
        Usage: It is no length of time.
    """
    if timeout is None:
        return None
    try:
        return parse_duration(timeout).total_seconds()
    except ValueError as error:
        raise Usage(f"--timeout: {error}") from error


async def attend(
    handle: RunHandle,
    screen: Screen,
    *,
    json: bool,
    timeout_s: float | None,
    codes: Mapping[Outcome, int],
) -> int:
    """Follow a run to its end, draw what happens, and return the exit code that says how it was."""
    silence = asyncio.create_task(_tell_of_silence(screen, handle.run_id))
    done: DeployFinished | None = None
    try:
        async with asyncio.timeout(timeout_s):
            with Progress(screen) if not json else _Still() as progress:
                async for event in handle.events():
                    silence.cancel()
                    progress.show(event)
                    if isinstance(event, DeployFinished):
                        done = event
    except TimeoutError:
        screen.note(f"run {handle.run_id} has not ended in {timeout_s:g} s; it {_goes_on(handle)}")
        return outcome.OUT_OF_TIME
    except asyncio.CancelledError:
        screen.note(f"detached; run {handle.run_id} {_goes_on(handle)}")
        raise
    finally:
        silence.cancel()
    if done is None:
        return outcome.UNREACHABLE
    if json:
        screen.document(done.data)
    return codes[done.data.outcome]


def _goes_on(handle: RunHandle) -> str:
    id_ = handle.run_id
    return (
        f"goes on. To follow it again: goaround wait {id_}; to call it off: goaround abort {id_}; "
        f"to have it go around: goaround rollback {id_}"
    )


async def _tell_of_silence(screen: Screen, run_id: str) -> None:
    await asyncio.sleep(_SILENCE_S)
    screen.note(
        f"nobody has taken up run {run_id} in {_SILENCE_S:g} s; the request is kept until an "
        "orchestrator runs (goaround status, for a local system)"
    )


class _Still:
    """In the place of a progress that nobody looks at."""

    def __enter__(self) -> "_Still":
        return self

    def __exit__(self, *_: object) -> None:
        return

    def show(self, event: object) -> None:
        """Draw nothing."""
