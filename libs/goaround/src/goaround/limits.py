"""How much of the history the bus keeps: as asked for, else as it is, else as a new bus has it.

A migration that nobody told a limit must not drop what an earlier one was told to keep.
"""

import json
from typing import Any

from goaround.topology import HISTORY_BYTES, HISTORY_S
from goaround_chassis.bus import Bus, NoAnswer, Unavailable
from goaround_schemas.subjects import DEPLOY

_DAY_S = 86_400.0
_GIB = 1024**3
_NS = 1_000_000_000


async def history_of(
    bus: Bus, days: int | None = None, gib: int | None = None
) -> tuple[float, int]:
    """Return seconds and bytes that DEPLOY is to keep; 0 is without limit.

    Raises:
        Unavailable: The server did not say how it is now.
    """
    if days is not None and gib is not None:
        return days * _DAY_S, gib * _GIB
    try:
        said: dict[str, Any] = json.loads(await bus.api(f"STREAM.INFO.{DEPLOY}"))
    except NoAnswer as error:
        raise Unavailable(f"look at stream {DEPLOY}", error.why) from error
    now_s, now_bytes = HISTORY_S, HISTORY_BYTES
    if (config := said.get("config")) is not None:
        now_s, now_bytes = config["max_age"] / _NS, max(0, config["max_bytes"])
    return (
        now_s if days is None else days * _DAY_S,
        now_bytes if gib is None else gib * _GIB,
    )
