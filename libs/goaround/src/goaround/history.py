"""What was said of every run, as the stream keeps it: from a time on, and on as it comes.

It only reads, and reads nothing twice.
"""

import json
from collections.abc import AsyncGenerator
from datetime import datetime

from goaround.errors import Refused, Unreachable
from goaround.handle import read_event
from goaround.reach import heard
from goaround_chassis import bus as chassis
from goaround_chassis.bus import Bus
from goaround_schemas.catalogue import AnyEvent
from goaround_schemas.subjects import DEPLOY


async def told(bus: Bus, *, since: datetime | None, follow: bool) -> AsyncGenerator[AnyEvent]:
    """Yield every event in order, from a time or from now on; without `follow` up to now."""
    last = None if follow else await _last(bus, since)
    if last == 0:
        return
    replay = await heard(bus.events(DEPLOY, ["deploy.>"], since=since or "new"))
    try:
        async for received in replay:
            if (event := read_event(received)) is not None:
                yield event
            if last is not None and received.sequence >= last:
                return
    finally:
        await replay.aclose()


async def _last(bus: Bus, since: datetime | None) -> int:
    """Return the sequence of the newest event; 0 if there is none, or none since."""
    try:
        raw = await bus.api(f"STREAM.INFO.{DEPLOY}")
    except chassis.NoAnswer as error:
        raise Unreachable(f"the bus does not tell of {DEPLOY}: {error.why}") from error
    answer = json.loads(raw)
    if "error" in answer:
        raise Refused(f"{DEPLOY}: {answer['error'].get('description')}; run goaround migrate")
    state = answer["state"]
    newest = datetime.fromisoformat(state["last_ts"])
    if not state["messages"] or since is None or newest < since:
        return 0
    return int(state["last_seq"])
