"""The bus: how a service publishes, consumes, asks, answers and keeps things. And nowhere else.

This package is the only one that knows FastStream and NATS.
"""

from goaround_chassis.bus.bucket import NatsBucket
from goaround_chassis.bus.connection import Bus
from goaround_chassis.bus.errors import NoAnswer, Refused, Unavailable
from goaround_chassis.bus.gate import Gate
from goaround_chassis.bus.migrate import ServerTooOld, apply
from goaround_chassis.bus.received import Received
from goaround_chassis.bus.replay import Replay
from goaround_chassis.bus.subscription import Subscription
from goaround_chassis.bus.timers import NatsTimers, fired
from goaround_chassis.bus.tokens import as_token
from goaround_chassis.bus.topology import (
    Bucketspec,
    Change,
    Consumer,
    Impossible,
    Stream,
    Topology,
)

__all__ = [
    "Bucketspec",
    "Bus",
    "Change",
    "Consumer",
    "Gate",
    "Impossible",
    "NatsBucket",
    "NatsTimers",
    "NoAnswer",
    "Received",
    "Refused",
    "Replay",
    "ServerTooOld",
    "Stream",
    "Subscription",
    "Topology",
    "Unavailable",
    "apply",
    "as_token",
    "fired",
]
