"""Getting bytes into a stream, and knowing that they are there.

A publish without a stream's name is fire and forget on this stack: it returns nothing and raises
nothing, even with no server. So everything that must not be lost goes through `publish`.
"""

import asyncio
from collections.abc import Mapping

import nats.errors
import structlog
from nats.js import JetStreamContext
from nats.js.api import PubAck
from nats.js.errors import APIError, NoStreamResponseError

from goaround_chassis import telemetry
from goaround_chassis.bus.errors import Refused, Unavailable

log = structlog.get_logger(__name__)

# What is sent while a server dies is lost without a word; so the first wait is the shorter one.
ACK_TIMEOUT_S = (2.0, 5.0, 5.0, 5.0, 5.0)
# Enough for a server to restart and recover its streams (a second or two); then the caller decides.
PAUSE_S = (0.1, 0.3, 0.6, 1.0, None)

_AWAY = 503
"""What a server says of a stream that it cannot reach just now."""
_UNDECIDED = 10158
"""What it says of a repeat while the replicas have not agreed on the first copy: ask again."""
_HOPELESS = (nats.errors.MaxPayloadError, nats.errors.BadSubjectError)
_CLOSED = (nats.errors.ConnectionClosedError, nats.errors.ConnectionDrainingError)


def is_final(code: int | None, err_code: int | None) -> bool:
    """Return whether a server's no is meant for the same again as well, not just for now."""
    return code != _AWAY and err_code != _UNDECIDED


async def publish(
    js: JetStreamContext,
    subject: str,
    body: bytes,
    *,
    stream: str,
    headers: Mapping[str, str],
) -> PubAck:
    """Return the stream's acknowledgement; a repeat is told apart by `Nats-Msg-Id`.

    Raises:
        Unavailable: No acknowledgement came, after several tries. It may have been kept.
        Refused: The server said no (wrong stream, too large, wrong revision).
    """
    what = f"publish {subject} to {stream}"
    why = "?"
    for timeout_s, pause_s in zip(ACK_TIMEOUT_S, PAUSE_S, strict=True):
        try:
            ack = await js.publish(
                subject, body, timeout=timeout_s, stream=stream, headers=dict(headers)
            )
        except NoStreamResponseError:
            why = f"no stream takes {subject} (is {stream} there, and is the server up?)"
        except APIError as error:
            why = error.description or str(error)
            if is_final(error.code, error.err_code):
                raise Refused(what, why, error.err_code or 0) from error
        except _HOPELESS as error:
            raise Refused(what, str(error)) from error
        except _CLOSED as error:
            raise Unavailable(what, str(error)) from error
        except TimeoutError:
            why = f"no acknowledgement within {timeout_s:g} s"
        except nats.errors.Error as error:
            why = str(error)
        else:
            telemetry.PUBLISHED.labels(stream).inc()
            return ack
        if pause_s is not None:
            telemetry.PUBLISH_RETRIES.labels(stream).inc()
            log.warning("publish_retry", subject=subject, stream=stream, why=why)
            await asyncio.sleep(pause_s)
    raise Unavailable(what, why)
