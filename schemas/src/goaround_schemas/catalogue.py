"""Every message there is, and how bytes become one."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from goaround_schemas.envelope import Message
from goaround_schemas.matrix import DeployVerified, WorkVerify
from goaround_schemas.notice import DeployNotified, WorkNotify
from goaround_schemas.outcome import DeployAdvanced, DeployFinished
from goaround_schemas.procedure import (
    DeployExecuted,
    DeployInspected,
    DeployStepFinished,
    WorkDeploy,
    WorkInspect,
    WorkRollback,
)
from goaround_schemas.recording import DeployRecorded, WorkRecord
from goaround_schemas.request import DeployRequested
from goaround_schemas.upcasts import UPCASTS, Upcast, lift
from goaround_schemas.watching import (
    DeployBaselined,
    DeployEvidenced,
    DeployJudged,
    DeployObserved,
    WorkWatch,
)

AnyEvent = (
    DeployRequested
    | DeployAdvanced
    | DeployVerified
    | DeployStepFinished
    | DeployInspected
    | DeployExecuted
    | DeployBaselined
    | DeployObserved
    | DeployEvidenced
    | DeployJudged
    | DeployRecorded
    | DeployNotified
    | DeployFinished
)
AnyCommand = (
    WorkVerify | WorkInspect | WorkDeploy | WorkRollback | WorkWatch | WorkRecord | WorkNotify
)
AnyMessage = AnyEvent | AnyCommand

M = TypeVar("M", bound=Message)

_TYPE = re.compile(r"(?P<name>[a-z_.]+)\.v(?P<version>[1-9][0-9]{0,8})")

EVENTS: tuple[type[AnyEvent], ...] = (
    DeployRequested,
    DeployAdvanced,
    DeployVerified,
    DeployInspected,
    DeployStepFinished,
    DeployExecuted,
    DeployBaselined,
    DeployObserved,
    DeployEvidenced,
    DeployJudged,
    DeployRecorded,
    DeployNotified,
    DeployFinished,
)
COMMANDS: tuple[type[AnyCommand], ...] = (
    WorkVerify,
    WorkInspect,
    WorkDeploy,
    WorkRollback,
    WorkWatch,
    WorkRecord,
    WorkNotify,
)
TYPES: dict[str, type[AnyMessage]] = {
    m.model_fields["type"].default: m for m in (*EVENTS, *COMMANDS)
}


def _split(type_: str) -> tuple[str, int]:
    found = _TYPE.fullmatch(type_)
    return (found["name"], int(found["version"])) if found else (type_, 0)


@lru_cache(maxsize=8)
def _latest(types: tuple[str, ...]) -> dict[str, int]:
    # Every message is read through this: the table is made once.
    return dict(_split(t) for t in types)


CURRENT: dict[str, int] = _latest(tuple(TYPES))


class UnknownType(Exception):
    """A kind of message that this release has never heard of. Ack and count it."""

    def __init__(self, type_: str) -> None:
        super().__init__(f"unknown message type {type_!r}")
        self.type = type_


class TooNew(Exception):
    """A known kind, in a version from a later release. Leave it for a newer reader."""

    def __init__(self, type_: str, known: int) -> None:
        super().__init__(f"{type_!r} is newer than v{known}, the latest known here")
        self.type = type_
        self.known = known


class Malformed(ValueError):
    """It is no message, or is not what it says. A bug, for a person."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def faults(error: ValidationError) -> str:
    """Say what is wrong, field by field, in one line and without repeating long values."""
    said: list[str] = []
    for e in error.errors(include_url=False, include_context=False):
        where = ".".join(str(p) for p in e["loc"] if p not in TYPES)
        what = e["msg"].removeprefix("Value error, ")
        value = "" if e["type"] in ("missing", "value_error") else f" (got {e['input']!r:.80})"
        said.append(f"{where}: {what}{value}" if where else f"{what}{value}")
    return "; ".join(said)


def parse(raw: bytes | str) -> AnyMessage:
    """Read a message of any version known here as its current version.

    Raises:
        UnknownType: Nothing here has that name.
        TooNew: The name is known, the version is from a later release.
        Malformed: It is no JSON, no CloudEvent, or not what it says that it is.
    """
    try:
        doc: Any = json.loads(raw, parse_constant=_refuse)
    except (ValueError, RecursionError) as exc:
        raise Malformed(f"not JSON: {exc}") from exc
    if not isinstance(doc, dict):
        raise Malformed(f"a message is a JSON object, not {type(doc).__name__}")
    return parse_document(cast("dict[str, Any]", doc))


def parse_document(doc: dict[str, Any]) -> AnyMessage:
    """Read a message that is already taken out of its JSON. Raises what `parse` raises."""
    return read_document(doc, TYPES, UPCASTS)


def read_document(
    doc: dict[str, Any], types: Mapping[str, type[M]], upcasts: Mapping[tuple[str, int], Upcast]
) -> M:
    """Read a message with these types and upcasts. Raises what `parse` raises."""
    type_ = doc.get("type")
    if not isinstance(type_, str):
        raise Malformed("no type: a message is a CloudEvents 1.0 document")
    name, version = _split(type_)
    current = _latest(tuple(types)).get(name)
    if current is None:
        raise UnknownType(type_)
    if version == 0:
        raise Malformed(f"{type_!r} has no version; the latest is {name}.v{current}")
    if version > current:
        raise TooNew(type_, current)
    try:
        data = lift(doc.get("data"), name, version, current, upcasts)
        lifted = {**doc, "type": f"{name}.v{current}", "data": data}
        return types[lifted["type"]].model_validate(lifted, extra="ignore")
    except ValidationError as exc:
        raise Malformed(f"{type_}: {faults(exc)}") from exc
    except (LookupError, TypeError, ValueError, AttributeError) as exc:
        raise Malformed(f"{type_}: cannot be lifted to v{current}: {exc!r}") from exc


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
