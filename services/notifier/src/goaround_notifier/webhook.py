"""A plain webhook: one POST, one JSON document, a key by which the receiver knows a repeat.

It knows no proxy of the environment, follows no redirect and reads no body.
"""

import asyncio
from http import HTTPStatus

import httpx

from goaround_notifier.channel import NotDelivered
from goaround_notifier.notice import Notice, document

# Two 4xx statuses that are about the moment, not about the request.
_PASSING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_MOVED = (HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.PERMANENT_REDIRECT)


def new_client(timeout_s: float) -> httpx.AsyncClient:
    """A client that does what it is told and nothing else."""
    return httpx.AsyncClient(
        trust_env=False,
        follow_redirects=False,
        timeout=timeout_s,
        headers={"User-Agent": "goaround-notifier"},
    )


class WebhookChannel:
    """Tells by HTTP."""

    def __init__(self, client: httpx.AsyncClient, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s

    async def send(self, notice: Notice) -> None:
        """Return once the receiver said 2xx.

        Raises:
            NotDelivered: It did not, within the time of one attempt.
        """
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._client.stream(
                    "POST",
                    notice.to,
                    json=document(notice),
                    headers=[(b"Idempotency-Key", notice.id.encode())],
                ) as answer,
            ):
                _judge(answer)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError):
            # The error's own words repeat the address.
            why = "the webhook's address is no URL that can be sent to; correct `to` in the guide"
            raise NotDelivered(why, permanent=True) from None
        except (TimeoutError, httpx.TimeoutException):
            why = f"the webhook did not answer within {self._timeout_s:g} s"
            raise NotDelivered(why, permanent=False) from None
        except httpx.ConnectError:
            why = "the webhook cannot be reached: no connection to its host and port"
            raise NotDelivered(why, permanent=False) from None
        except httpx.HTTPError as error:
            why = f"the connection to the webhook broke ({type(error).__name__})"
            raise NotDelivered(why, permanent=False) from None


def _judge(answer: httpx.Response) -> None:
    status = answer.status_code
    if answer.is_success:
        return
    if status in _MOVED:
        why = f"the webhook answered {status}: it has moved; write its new address in the guide"
        raise NotDelivered(why, permanent=True)
    why = f"the webhook answered {status}"
    raise NotDelivered(why, permanent=400 <= status < 500 and status not in _PASSING)
