"""The front door: bytes from anyone become a request, or a refusal that finds its owner.

Pure. A CloudEvent (structured, or binary with `ce-*` headers) and a bare JSON object are all
welcome. What is wrong is said in plain words; where service and environment can be told, the
refusal ends in a `deploy.finished` of its own, else the message goes to the dead letters.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, cast
from urllib.parse import unquote

from pydantic import TypeAdapter, ValidationError

from goaround_schemas.catalogue import CURRENT, TooNew, faults
from goaround_schemas.envelope import DnsLabel, RunId, derived_id
from goaround_schemas.request import DeployRequestedData
from goaround_schemas.subjects import FRONT_DOOR

NAME = FRONT_DOOR
FIELDS = tuple(DeployRequestedData.model_fields)
LONGEST_CAUSE = 200
"""As long as the id of a message of ours may be."""

MOST_UNKNOWN = 5
"""So many unknown fields are named: a thousand of them must not make an outcome of a megabyte."""

_TYPE = re.compile(rf"{re.escape(NAME)}\.v(?P<version>[1-9][0-9]{{0,8}})")
_TRACE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_LABEL: TypeAdapter[str] = TypeAdapter(DnsLabel)
_RUN_ID: TypeAdapter[str] = TypeAdapter(RunId)


@dataclass(frozen=True, slots=True)
class Knock:
    """What arrived: the bytes, their headers, and where and when the stream took them in."""

    subject: str
    body: bytes
    headers: Mapping[str, str]
    arrival: str
    """Names this arrival and no other, the same on each redelivery."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that can be decided on."""

    data: DeployRequestedData
    cause: str
    """The id of the message that asked."""
    traceparent: str | None
    warnings: tuple[str, ...]

    @property
    def digest(self) -> str:
        """The same for the same content, whatever the order of its fields."""
        doc = self.data.model_dump(mode="json")
        if not doc["allow"]:
            # As it was before there was such a field: a request keeps its digest over an upgrade.
            del doc["allow"]
        return hashlib.sha256(json.dumps(doc, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A bad request whose service and environment can be told."""

    run_id: str
    service: str
    environment: str
    version: str | None
    requested_by: str
    cause: str
    reason: str


@dataclass(frozen=True, slots=True)
class Stray:
    """A bad request that is nobody's: put it aside for a person."""

    reason: str


def read(knock: Knock) -> Request | Refusal | Stray:
    """Read what arrived.

    Raises:
        TooNew: It says that it is of a later version; a later release will read it.
    """
    headers = {k.lower(): v for k, v in knock.headers.items()}
    cause = _cause(headers.get("nats-msg-id"), knock)
    try:
        document: Any = json.loads(knock.body)
    except (ValueError, RecursionError) as exc:
        return _refuse(knock, {}, cause, f"not JSON: {exc}")
    if not isinstance(document, dict):
        said = type(cast("object", document)).__name__
        return _refuse(knock, {}, cause, f"a request is a JSON object, not {said}")
    fields = cast("dict[str, Any]", document)
    if "specversion" in fields:
        return _structured(knock, fields, headers)
    if "ce-type" in headers or "ce-specversion" in headers:
        return _binary(knock, fields, headers)
    return _fields(knock, fields, cause, headers.get("traceparent"), None)


def _structured(
    knock: Knock, event: dict[str, Any], headers: dict[str, str]
) -> Request | Refusal | Stray:
    cause = _cause(event.get("id"), knock)
    data = event.get("data")
    if not isinstance(data, dict):
        reason = "the CloudEvent has no data object with the request's fields"
        return _refuse(knock, {}, cause, reason)
    fields = cast("dict[str, Any]", data)
    if wrong := _wrong_type(event.get("type")):
        return _refuse(knock, fields, cause, wrong)
    trace = event.get("traceparent") or headers.get("traceparent")
    source = event.get("source")
    return _fields(knock, fields, cause, trace, str(source) if source else None)


def _binary(
    knock: Knock, data: dict[str, Any], headers: dict[str, str]
) -> Request | Refusal | Stray:
    # The NATS binding of CloudEvents percent-encodes attribute values in headers.
    attributes = {k[3:]: unquote(v) for k, v in headers.items() if k.startswith("ce-")}
    cause = _cause(attributes.get("id"), knock)
    if wrong := _wrong_type(attributes.get("type")):
        return _refuse(knock, data, cause, wrong)
    trace = attributes.get("traceparent") or headers.get("traceparent")
    return _fields(knock, data, cause, trace, attributes.get("source"))


def _cause(said: Any, knock: Knock) -> str:
    """The message's own id, or one that always stands for it: it is stored, logged and sent on."""
    if said is None or said == "":
        return derived_id("knock", knock.arrival)
    id_ = str(said)
    if len(id_) <= LONGEST_CAUSE and id_.isprintable():
        return id_
    return derived_id("cause", id_.encode(errors="backslashreplace").decode())


def _wrong_type(type_: Any) -> str | None:
    if not isinstance(type_, str):
        return f"the CloudEvent has no type; it must be {NAME}.v{CURRENT[NAME]}"
    found = _TYPE.fullmatch(type_)
    if found is None:
        return f"type {type_!r:.80} has no business here; it must be {NAME}.v{CURRENT[NAME]}"
    if int(found["version"]) > CURRENT[NAME]:
        raise TooNew(type_, CURRENT[NAME])
    return None


def _addressed(knock: Knock) -> dict[str, str]:
    """What the subject itself says: `deploy.requested.ENV.SERVICE`."""
    said = knock.subject.removeprefix(NAME).strip(".").split(".")
    return dict(zip(("environment", "service"), said, strict=True)) if len(said) == 2 else {}


def _fields(
    knock: Knock,
    fields: dict[str, Any],
    cause: str,
    traceparent: Any,
    source: str | None,
) -> Request | Refusal | Stray:
    fields = dict(fields)
    for name, value in _addressed(knock).items():
        if fields.setdefault(name, value) != value:
            reason = f"the subject says {name} {value}, the request says {fields[name]!r:.80}"
            return _refuse(knock, fields, cause, reason)
    # The id of a CloudEvent is only unique among those of its source.
    fields.setdefault("run_id", run_id_from(f"{source}/{cause}" if source else cause))
    if source:
        fields.setdefault("requested_by", source)
    unknown = _unknown(fields)
    try:
        data = DeployRequestedData.model_validate(fields)
    except ValidationError as exc:
        return _refuse(knock, fields, cause, "; ".join((faults(exc), *unknown)))
    if unfit := [k for k, v in data if isinstance(v, str) and "\0" in v]:
        reason = f"{', '.join(unfit)}: a NUL character is no text"
        return _refuse(knock, fields, cause, "; ".join((reason, *unknown)))
    trace = traceparent if isinstance(traceparent, str) and _TRACE.fullmatch(traceparent) else None
    return Request(data=data, cause=cause, traceparent=trace, warnings=unknown)


def _unknown(fields: Mapping[str, Any]) -> tuple[str, ...]:
    names = [k for k in fields if k not in FIELDS]
    more = len(names) - MOST_UNKNOWN
    said = tuple(_unknown_field(k[:60]) for k in names[:MOST_UNKNOWN])
    return (*said, f"{more} more unknown fields were ignored") if more > 0 else said


def _unknown_field(field: str) -> str:
    near = get_close_matches(field, FIELDS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(FIELDS)}"
    return f"unknown field {field!r} was ignored{hint}"


def _refuse(knock: Knock, fields: Mapping[str, Any], cause: str, reason: str) -> Refusal | Stray:
    # Whose it is, the subject says first: the bus knows who may publish there.
    said = {**fields, **_addressed(knock)}
    try:
        service = _LABEL.validate_python(said.get("service"))
        environment = _LABEL.validate_python(said.get("environment"))
    except ValidationError:
        return Stray(reason)
    try:
        run_id = _RUN_ID.validate_python(said.get("run_id"))
    except ValidationError:
        run_id = run_id_from(cause)
    return Refusal(
        run_id=run_id,
        service=service,
        environment=environment,
        version=_shown(said.get("version")),
        requested_by=_shown(said.get("requested_by")) or "unknown",
        cause=cause,
        reason=reason,
    )


def _shown(value: Any) -> str | None:
    """A refused text as it can be kept and shown: bounded, without control characters."""
    if not isinstance(value, str):
        return None
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in value[:128])


def run_id_from(cause: str) -> str:
    """A short run id that the same message always leads to."""
    known = cause.encode(errors="backslashreplace")
    return "r" + hashlib.sha256(known).hexdigest()[:11]
