"""Which stream and subject a message goes to. The only place that knows.

No version is part of a subject: v1 and v2 of a message share their consumers. Service and
environment are DNS labels, so a subject can always be taken apart again.
"""

from goaround_schemas.envelope import Command, Message, RunPayload

DEPLOY = "DEPLOY"
WORK = "WORK"
TIMERS = "TIMERS"
DEAD = "DEAD"

FRONT_DOOR = "deploy.requested"


class NoSubject(TypeError):
    """The message names no service and environment, so it has no place on the bus."""

    def __init__(self, message: Message) -> None:
        super().__init__(f"{message.type} names no service and environment")
        self.message = message


def name_of(kind: type[Message] | Message) -> str:
    """`deploy.requested` of a message, or of a class of messages: its type without the version."""
    type_: str = kind.type if isinstance(kind, Message) else str(kind.model_fields["type"].default)
    return type_.rpartition(".v")[0]


def subject_of(message: Message) -> str:
    """`deploy.verified.ENV.SERVICE`; the outcome too where a run has finished."""
    data = message.data
    if not isinstance(data, RunPayload):
        raise NoSubject(message)
    outcome = getattr(data, "outcome", None) if name_of(message) == "deploy.finished" else None
    middle = f".{outcome}" if outcome else ""
    return f"{name_of(message)}{middle}.{data.environment}.{data.service}"


def stream_of(message: Message) -> str:
    """The stream that keeps the message: commands are work, events are history."""
    return WORK if isinstance(message, Command) else DEPLOY


def filter_for(kind: type[Message], environment: str = "*") -> str:
    """The subjects of one kind of message, in one environment or in all."""
    name = name_of(kind)
    middle = ".*" if name == "deploy.finished" else ""
    return f"{name}{middle}.{environment}.*"
