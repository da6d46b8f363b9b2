"""Looking into a stream by place and subject, without consuming anything."""

from collections.abc import AsyncIterator

import nats.errors
from nats.js import JetStreamContext
from nats.js.errors import APIError, NotFoundError

from goaround_chassis.bus.errors import Unavailable
from goaround_chassis.bus.received import Received, from_stream

_NOT_THERE = (10037, 10043)


async def queued(js: JetStreamContext, subject: str, stream: str) -> int:
    """Return how many messages of a subject the stream still has; of a work queue, the undone.

    Raises:
        Unavailable: The server did not say.
    """
    try:
        info = await js.stream_info(stream, subjects_filter=subject)
    except (nats.errors.Error, TimeoutError) as error:
        raise Unavailable(f"look into {stream}", str(error) or "no answer") from error
    return sum((info.state.subjects or {}).values())


async def last_on(js: JetStreamContext, stream: str, subject: str) -> Received | None:
    """Return the newest message of a subject; None if there is none."""
    return await _get(js, stream, subject=subject)


async def by_sequence(js: JetStreamContext, stream: str, sequence: int) -> Received | None:
    """Return the message of that sequence; None if it is not, or no longer, there."""
    return await _get(js, stream, sequence=sequence)


async def listed(
    js: JetStreamContext, stream: str, *, subject: str, after: int, limit: int
) -> AsyncIterator[Received]:
    """Yield messages of a subject, oldest first, beyond a sequence, so many at most."""
    for _ in range(limit):
        found = await _get(js, stream, sequence=after + 1, subject=subject, onwards=True)
        if found is None:
            return
        yield found
        after = found.sequence


async def discard(js: JetStreamContext, stream: str, sequence: int) -> bool:
    """Remove one message for good; False if it was not there."""
    try:
        return await js.delete_msg(stream, sequence)
    except APIError as error:
        if error.err_code in _NOT_THERE:
            return False
        raise Unavailable(f"discard {sequence} of {stream}", str(error)) from error
    except (nats.errors.Error, TimeoutError) as error:
        raise Unavailable(f"discard {sequence} of {stream}", str(error)) from error


async def _get(
    js: JetStreamContext,
    stream: str,
    *,
    sequence: int | None = None,
    subject: str | None = None,
    onwards: bool = False,
) -> Received | None:
    try:
        raw = await js.get_msg(stream, seq=sequence, subject=subject, next=onwards)
    except NotFoundError:
        return None
    except (nats.errors.Error, TimeoutError) as error:
        raise Unavailable(f"read {stream}", str(error) or "no answer") from error
    return from_stream(stream, raw)
