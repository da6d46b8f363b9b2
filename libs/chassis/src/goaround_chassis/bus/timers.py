"""Timers as NATS keeps them: scheduled messages of the stream TIMERS (server 2.12 and later).

An alarm is a message on `timer.at.<name>.<key>`; when due, the server puts its body on
`timer.fired.<name>.<key>` in the same stream. Setting an alarm again replaces it. Cancelling
writes an unscheduled message over it, which expires at once: so it takes the right to publish and
no right to purge. A tick that was firing at that moment still arrives; its reader must know
which tick it waits for.
"""

from datetime import UTC, datetime

from goaround_chassis.bus.grouping import Grouping
from goaround_chassis.bus.naming import new_id
from goaround_chassis.bus.tokens import as_token
from goaround_chassis.timers import AT, FIRED

STREAM = "TIMERS"


class NatsTimers:
    """Alarms on the bus; what they promise stands in `goaround_chassis.timers.Timers`."""

    def __init__(self, grouping: Grouping) -> None:
        self._grouping = grouping

    async def at(self, name: str, key: str, due: datetime, body: bytes) -> None:
        """Have `body` arrive on `timer.fired.<name>.<key>` when due; replaces an earlier alarm."""
        moment = due.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        headers = {
            "Nats-Schedule": f"@at {moment}",
            "Nats-Schedule-Target": fired(name, key),
            "Nats-Msg-Id": new_id(),
        }
        await self._grouping.publish(_at(name, key), body, stream=STREAM, headers=headers)

    async def cancel(self, name: str, key: str) -> None:
        """Drop the alarm, if it has not fired; no matter if there is none."""
        headers = {"Nats-Rollup": "sub", "Nats-TTL": "1s", "Nats-Msg-Id": new_id()}
        await self._grouping.publish(_at(name, key), b"", stream=STREAM, headers=headers)


def fired(name: str, key: str) -> str:
    """The subject on which an alarm arrives."""
    return f"{FIRED}.{as_token(name)}.{as_token(key)}"


def _at(name: str, key: str) -> str:
    return f"{AT}.{as_token(name)}.{as_token(key)}"
