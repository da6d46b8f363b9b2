"""NATS and PostgreSQL from wheels: started, found again, stopped; no root rights, no Docker.

For one machine: development, the demo, small installations, tests. A real installation brings its
own servers by URL and never comes here. Knows nothing of the services that use the servers.
"""

from goaround.embedded.errors import BinariesMissing, DidNotStart, OtherVersion, ServerError
from goaround.embedded.nats import EmbeddedNats
from goaround.embedded.natsconfig import NatsUser, Sync
from goaround.embedded.postgres import EmbeddedPostgres
from goaround.embedded.servers import EmbeddedServers
from goaround.embedded.status import ServerStatus

__all__ = [
    "BinariesMissing",
    "DidNotStart",
    "EmbeddedNats",
    "EmbeddedPostgres",
    "EmbeddedServers",
    "NatsUser",
    "OtherVersion",
    "ServerError",
    "ServerStatus",
    "Sync",
]
