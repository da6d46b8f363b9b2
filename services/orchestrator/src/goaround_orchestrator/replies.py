"""What every answer has in common: read, answered, or refused with the reason."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import ValidationError

from goaround_orchestrator.commands import PinnedGuide
from goaround_orchestrator.handlers import GuideRefused, Guides
from goaround_schemas import api
from goaround_schemas.catalogue import faults
from goaround_schemas.envelope import Payload
from goaround_schemas.guide import Environment

Q = TypeVar("Q", bound=Payload)

Answer = Callable[[bytes], Awaitable[bytes]]
"""From the bytes of a request to those of its reply."""


class Wrong(Exception):
    """The request cannot be answered as it is; the message says why and what to do."""


def unknown(run_id: str) -> Wrong:
    """Return the refusal of a run that nobody knows."""
    return Wrong(f"no run has the id {run_id!r}; goaround runs lists them")


def guide_of(guides: Guides, service: str) -> PinnedGuide:
    """Return the guide of a service as its file says now.

    Raises:
        Wrong: There is none, or it has faults.
    """
    try:
        return guides.find(service)
    except GuideRefused as exc:
        raise Wrong(str(exc)) from exc


def environment_of(pinned: PinnedGuide, environment: str) -> Environment:
    """Return what a guide says of an environment.

    Raises:
        Wrong: It does not know it.
    """
    known = pinned.guide.environments
    if environment not in known:
        names = ", ".join(sorted(known))
        raise Wrong(f"{pinned.name} knows no environment {environment!r}, only {names}")
    return known[environment]


def answering(kind: type[Q], handler: Callable[[Q], Awaitable[Payload]]) -> Answer:
    """Return an answer that reads such a question, and makes a refusal of what is wrong with it."""

    async def answer(body: bytes) -> bytes:
        try:
            asked = kind.model_validate_json(body or b"{}")
            if unfit := [k for k, v in asked if isinstance(v, str) and "\0" in v]:
                raise Wrong(f"{', '.join(unfit)}: a NUL character is no text")
            data = await handler(asked)
        except ValidationError as exc:
            return _refusal(faults(exc))
        except Wrong as exc:
            return _refusal(str(exc))
        return (
            api.Reply[Payload](ok=True, data=data).model_dump_json(serialize_as_any=True).encode()
        )

    return answer


def _refusal(why: str) -> bytes:
    return api.Reply[Payload](ok=False, error=why).model_dump_json().encode()
