"""The front door: bytes from anyone become a request, or a refusal that finds its owner.

Pure. A CloudEvent (structured, or binary with `ce-*` headers) and a bare JSON object are all
welcome. What is wrong is said in plain words; where service and environment can be told, the
refusal ends in a `deploy.finished` of its own, else the message goes to the dead letters.
"""

import hashlib
import json
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
    try:
        document: Any = json.loads(knock.body)
    except ValueError as exc:
        return Stray(f"not JSON: {exc}")
    if not isinstance(document, dict):
        return Stray(f"a request is a JSON object, not {type(document).__name__}")
    headers = {k.lower(): v for k, v in knock.headers.items()}
    fields = cast("dict[str, Any]", document)
    if "specversion" in fields:
        return _structured(knock, fields, headers)
    if "ce-type" in headers or "ce-specversion" in headers:
        return _binary(knock, fields, headers)
    cause = headers.get("nats-msg-id") or derived_id("knock", knock.arrival)
    return _fields(knock, fields, cause, headers.get("traceparent"), None)


def _structured(
    knock: Knock, event: dict[str, Any], headers: dict[str, str]
) -> Request | Refusal | Stray:
    data = event.get("data")
    if not isinstance(data, dict):
        return Stray("the CloudEvent has no data object with the request's fields")
    if wrong := _wrong_type(event.get("type")):
        return Stray(wrong)
    cause = str(event.get("id") or derived_id("knock", knock.arrival))
    trace = event.get("traceparent") or headers.get("traceparent")
    source = event.get("source")
    return _fields(
        knock,
        cast("dict[str, Any]", data),
        cause,
        str(trace) if trace else None,
        str(source) if source else None,
    )


def _binary(
    knock: Knock, data: dict[str, Any], headers: dict[str, str]
) -> Request | Refusal | Stray:
    # The NATS binding of CloudEvents percent-encodes attribute values in headers.
    attributes = {k[3:]: unquote(v) for k, v in headers.items() if k.startswith("ce-")}
    if wrong := _wrong_type(attributes.get("type")):
        return Stray(wrong)
    cause = attributes.get("id") or derived_id("knock", knock.arrival)
    trace = attributes.get("traceparent") or headers.get("traceparent")
    return _fields(knock, data, cause, trace, attributes.get("source"))


def _wrong_type(type_: Any) -> str | None:
    if not isinstance(type_, str):
        return f"the CloudEvent has no type; it must be {NAME}.v{CURRENT[NAME]}"
    name, _, version = type_.rpartition(".v")
    if name != NAME or not version.isdigit():
        return f"type {type_!r} has no business here; it must be {NAME}.v{CURRENT[NAME]}"
    if int(version) > CURRENT[NAME]:
        raise TooNew(type_, CURRENT[NAME])
    return None


def _fields(
    knock: Knock,
    fields: dict[str, Any],
    cause: str,
    traceparent: str | None,
    source: str | None,
) -> Request | Refusal | Stray:
    fields = dict(fields)
    said = knock.subject.removeprefix(NAME).strip(".").split(".")
    addressed = dict(zip(("environment", "service"), said, strict=True)) if len(said) == 2 else {}
    for name, value in addressed.items():
        if fields.setdefault(name, value) != value:
            reason = f"the subject says {name} {value}, the request says {fields[name]!r}"
            return _refuse(fields, cause, reason)
    fields.setdefault("run_id", run_id_from(cause))
    if source:
        fields.setdefault("requested_by", source)
    unknown = tuple(k for k in fields if k not in FIELDS)
    try:
        data = DeployRequestedData.model_validate(fields)
    except ValidationError as exc:
        reason = "; ".join((faults(exc), *(_unknown(k) for k in unknown)))
        return _refuse(fields, cause, reason)
    return Request(
        data=data, cause=cause, traceparent=traceparent, warnings=tuple(map(_unknown, unknown))
    )


def _unknown(field: str) -> str:
    near = get_close_matches(field, FIELDS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(FIELDS)}"
    return f"unknown field {field!r} was ignored{hint}"


def _refuse(fields: dict[str, Any], cause: str, reason: str) -> Refusal | Stray:
    try:
        service = _LABEL.validate_python(fields.get("service"))
        environment = _LABEL.validate_python(fields.get("environment"))
    except ValidationError:
        return Stray(reason)
    try:
        run_id = _RUN_ID.validate_python(fields.get("run_id"))
    except ValidationError:
        run_id = run_id_from(cause)
    version, by = fields.get("version"), fields.get("requested_by")
    return Refusal(
        run_id=run_id,
        service=service,
        environment=environment,
        version=version if isinstance(version, str) else None,
        requested_by=by if isinstance(by, str) and by else "unknown",
        cause=cause,
        reason=reason,
    )


def run_id_from(cause: str) -> str:
    """A short run id that the same message always leads to."""
    return "r" + hashlib.sha256(cause.encode()).hexdigest()[:11]
