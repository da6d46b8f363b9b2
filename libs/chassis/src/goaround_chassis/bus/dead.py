"""Putting a message aside: the same bytes, with why, in the stream of dead letters.

The original headers stay, but for the server's own (`Nats-...`), which would act again: those are
kept under `goaround-original-...`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from nats.aio.msg import Msg
from nats.js import JetStreamContext

from goaround_chassis import telemetry
from goaround_chassis.bus.publishing import publish
from goaround_chassis.bus.verdict import Aside

STREAM = "DEAD"
PREFIX = "dead."

_MOST_ERROR_CHARS = 1000
# What the protocol needs around the headers, with room to spare.
_FRAME_BYTES = 1024


async def put_aside(
    js: JetStreamContext,
    msg: Msg,
    aside: Aside,
    *,
    service: str,
    max_payload: int,
) -> None:
    """Return once the dead letter is kept; doing it twice keeps one.

    A body that does not fit beside the headers is cut, and `goaround-cut` has its full size.

    Raises:
        Unavailable, Refused: It is not kept. The message must not be terminated.
    """
    meta = msg.metadata
    headers = {
        **carried(msg.headers or {}),
        "Nats-Msg-Id": f"dead-{meta.stream}-{meta.consumer}-{meta.sequence.stream}",
        "goaround-reason": aside.reason,
        "goaround-error": one_line(aside.error),
        "goaround-stream": meta.stream,
        "goaround-consumer": meta.consumer,
        "goaround-sequence": str(meta.sequence.stream),
        "goaround-delivered": str(meta.num_delivered),
        "goaround-service": service,
        "goaround-at": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    body = msg.data
    spent = sum(len(k) + len(v) + 4 for k, v in headers.items()) + _FRAME_BYTES
    if len(body) + spent > max_payload:
        headers["goaround-cut"] = str(len(body))
        body = body[: max(max_payload - spent, 0)]
    await publish(js, PREFIX + msg.subject, body, stream=STREAM, headers=headers)
    telemetry.DEAD_LETTERS.labels(meta.consumer, aside.reason).inc()


def carried(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of the original, those that the server would obey renamed."""
    return {
        (f"goaround-original-{name}" if name.lower().startswith("nats-") else name): _ascii(value)
        for name, value in headers.items()
    }


def one_line(text: str) -> str:
    """What may stand in a header: one line of ASCII, of bounded length."""
    return _ascii(text)[:_MOST_ERROR_CHARS]


def _ascii(text: str) -> str:
    return " ".join(text.split()).encode("ascii", "backslashreplace").decode()
