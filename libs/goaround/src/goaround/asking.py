"""Asking the orchestrator over request and reply, and what every question has in common.

Which questions there are, `client` and `proving` know.
"""

import getpass
from typing import Any, TypeVar

from pydantic import ValidationError

from goaround.errors import BadRequest, Refused, Unreachable
from goaround_chassis import bus as chassis
from goaround_chassis.bus import Bus
from goaround_schemas import api
from goaround_schemas.catalogue import faults
from goaround_schemas.envelope import Payload

P = TypeVar("P", bound=Payload)

ANSWER_S = 10.0


class Asking:
    """Somebody who asks, on one bus."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def _ask(self, subject: str, question: Payload, answer: type[P]) -> P:
        """Ask, and return the answer.

        Raises:
            Unreachable: Nobody answers.
            Refused: The answer is no; with the reason.
        """
        # Null is said where it was: it may mean another thing than saying nothing.
        body = question.model_dump_json(exclude_unset=True).encode()
        try:
            raw = await self._bus.request(subject, body, ANSWER_S)
        except chassis.NoAnswer as error:
            raise Unreachable(
                f"the bus is there, but no orchestrator answers on {subject} ({error.why}); "
                "see that one runs (goaround status, for a local system)"
            ) from error
        reply = api.Reply[Any].model_validate_json(raw)
        if not reply.ok or reply.data is None:
            raise Refused(reply.error or "refused, without a reason")
        return answer.model_validate(reply.data)


def valid(kind: type[P], /, **fields: Any) -> P:
    """Return a question with these fields.

    Raises:
        BadRequest: It is none; every fault is told.
    """
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise BadRequest(faults(error)) from error


def user_name() -> str:
    """Return who runs this process; `unknown` where the system has no name for them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
