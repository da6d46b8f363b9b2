"""The AsyncAPI 3 document: what travels on the bus, on which subjects, and who sends and reads it.

`python -m goaround_schemas.asyncapi docs/asyncapi.json` writes it from the catalogue and the
subjects, so it cannot say anything else than the code does.
"""

import json
import sys
from pathlib import Path
from typing import Any, get_args

from pydantic.json_schema import models_json_schema

from goaround_schemas.catalogue import COMMANDS, EVENTS, AnyMessage
from goaround_schemas.envelope import CONTENT_TYPE
from goaround_schemas.export import opened, show
from goaround_schemas.phase import Outcome
from goaround_schemas.subjects import DEPLOY, FRONT_DOOR, WORK, filter_for, name_of

_OWNERS: dict[str, str] = {
    "work.verify": "verifier",
    "work.inspect": "deployer",
    "work.deploy": "deployer",
    "work.rollback": "deployer",
    "work.watch": "watcher",
    "work.record": "scribe",
    "work.notify": "notifier",
}
"""Which service obeys a command."""

_SAYERS: dict[str, str] = {
    "deploy.requested": "client",
    "deploy.advanced": "orchestrator",
    "deploy.verified": "verifier",
    "deploy.inspected": "deployer",
    "deploy.step_finished": "deployer",
    "deploy.executed": "deployer",
    "deploy.baselined": "watcher",
    "deploy.observed": "watcher",
    "deploy.evidenced": "watcher",
    "deploy.judged": "watcher",
    "deploy.recorded": "scribe",
    "deploy.notified": "notifier",
    "deploy.finished": "orchestrator",
}
"""Which service says that something happened; the client is whoever asks for a deployment."""

_READ_BY_THE_ORCHESTRATOR = frozenset(
    {
        "deploy.requested",
        "deploy.verified",
        "deploy.inspected",
        "deploy.executed",
        "deploy.baselined",
        "deploy.evidenced",
        "deploy.judged",
        "deploy.recorded",
        "deploy.notified",
    }
)

_PARAMETERS: dict[str, dict[str, Any]] = {
    "environment": {"description": "Where it runs: a DNS label."},
    "service": {"description": "What is deployed: a DNS label."},
    "outcome": {
        "description": "How the run ended.",
        "enum": list(get_args(Outcome)),
    },
}


def document() -> dict[str, Any]:
    """Return the whole document."""
    messages = (*EVENTS, *COMMANDS)
    _, schemas = models_json_schema(
        [(m, "validation") for m in messages], ref_template="#/components/schemas/{model}"
    )
    channels: dict[str, Any] = {_name(m): _channel(m) for m in messages}
    channels["front_door"] = _front_door()
    operations: dict[str, Any] = {}
    for message in messages:
        operations |= _operations(message)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "goaround",
            "version": "1.0.0",
            "description": "Every deployment lands, or goes around. One message is one CloudEvents "
            "1.0 document in structured mode; a reader drops fields that it does not know.",
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {
            "nats": {
                "host": "{host}:{port}",
                "protocol": "nats",
                "description": "A NATS server with JetStream, 2.12 or later.",
                "variables": {"host": {"default": "localhost"}, "port": {"default": "4222"}},
            }
        },
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {_type(m): _message(m) for m in messages},
            "schemas": opened(schemas["$defs"]),
        },
    }


def _type(message: type[AnyMessage]) -> str:
    return str(message.model_fields["type"].default)


def _name(message: type[AnyMessage]) -> str:
    return name_of(message).replace(".", "_")


def _summary(message: type[AnyMessage]) -> str:
    return (message.__doc__ or "").strip().splitlines()[0]


def _channel(message: type[AnyMessage]) -> dict[str, Any]:
    """Describe a subject: the stars of the consumer's filter are the address's parameters."""
    parameters = ["environment", "service"]
    if filter_for(message).count("*") == 3:
        parameters.insert(0, "outcome")
    address = filter_for(message)
    for parameter in parameters:
        address = address.replace("*", f"{{{parameter}}}", 1)
    stream = WORK if message in COMMANDS else DEPLOY
    return {
        "address": address,
        "description": f"Kept in the stream {stream}.",
        "messages": {_type(message): {"$ref": f"#/components/messages/{_type(message)}"}},
        "parameters": {p: _PARAMETERS[p] for p in parameters},
        "servers": [{"$ref": "#/servers/nats"}],
    }


def _front_door() -> dict[str, Any]:
    return {
        "address": FRONT_DOOR,
        "description": "For anyone who asks for a deployment: takes the CloudEvent, structured or "
        "binary, or its data alone as a bare JSON object.",
        "messages": {
            "deploy.requested.v1": {"$ref": "#/components/messages/deploy.requested.v1"},
        },
        "servers": [{"$ref": "#/servers/nats"}],
    }


def _message(message: type[AnyMessage]) -> dict[str, Any]:
    return {
        "name": _type(message),
        "title": message.__name__,
        "summary": _summary(message),
        "contentType": CONTENT_TYPE,
        "correlationId": {
            "description": "The run's id.",
            "location": "$message.payload#/correlationid",
        },
        "payload": {"$ref": f"#/components/schemas/{message.__name__}"},
    }


def _operations(message: type[AnyMessage]) -> dict[str, Any]:
    """Say who sends a message and who takes it, each as an operation of that service."""
    name = name_of(message)
    if name in _OWNERS:
        sender, readers = "orchestrator", [_OWNERS[name]]
    else:
        sender = _SAYERS[name]
        readers = ["orchestrator"] if name in _READ_BY_THE_ORCHESTRATOR else []
    channel = "front_door" if name == FRONT_DOOR and sender == "client" else _name(message)
    operations = {f"{sender}.send.{name}": _operation("send", sender, message, channel)}
    for reader in readers:
        operations[f"{reader}.receive.{name}"] = _operation(
            "receive", reader, message, _name(message)
        )
    return operations


def _operation(
    action: str, service: str, message: type[AnyMessage], channel: str
) -> dict[str, Any]:
    return {
        "action": action,
        "summary": _summary(message),
        "tags": [{"name": service}],
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{_type(message)}"}],
    }


def main(arguments: list[str]) -> int:
    """Write the document to the file named."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m goaround_schemas.asyncapi FILE\n")
        return 2
    Path(arguments[0]).write_text(show(json.loads(json.dumps(document()))), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
