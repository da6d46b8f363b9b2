"""The NATS server's settings as one JSON document, and who may say what on the bus.

Pure but for the making of passwords. Knows no service by name: whoever starts the server brings the
users and their subjects.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Sync = Literal["always", "2m"]

_USER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SUBJECT = re.compile(r"[^\s.*>]+|\*")
_MAX_MEMORY_BYTES = 64 * 1024 * 1024
_MAX_STORE_BYTES = 10 * 1024 * 1024 * 1024
_PASSWORD_BYTES = 24


@dataclass(frozen=True)
class NatsUser:
    """One user of the bus, and the subjects it may publish and subscribe to; none means none.

    What is denied is taken out of what is allowed. `allow_responses` lets it answer a request it
    was sent, on the reply subject of that request.
    """

    name: str
    publish_allow: tuple[str, ...] = ()
    subscribe_allow: tuple[str, ...] = ()
    publish_deny: tuple[str, ...] = ()
    allow_responses: bool = False

    def __post_init__(self) -> None:
        """Refuse a name or a subject that the server would read as something else."""
        if not _USER.fullmatch(self.name):
            raise ValueError(
                f"bus user {self.name!r}: a name is 1 to 64 letters, digits, '-' and '_'"
            )
        for subject in (*self.publish_allow, *self.subscribe_allow, *self.publish_deny):
            if not is_subject(subject):
                raise ValueError(
                    f"bus user {self.name}: {subject!r} is no subject; "
                    "write tokens with dots between, '*' for one, '>' for the rest"
                )


def is_subject(text: str) -> bool:
    """Whether the text is a subject of the bus, wildcards as whole tokens only."""
    *tokens, last = text.split(".")
    return all(_SUBJECT.fullmatch(token) for token in tokens) and (
        last == ">" or bool(_SUBJECT.fullmatch(last))
    )


def authorization(
    users: Iterable[NatsUser], passwords: Mapping[str, str]
) -> dict[str, list[dict[str, Any]]]:
    """Return the users with their passwords and rights, as the server takes them."""
    return {
        "users": [
            {
                "user": user.name,
                "password": passwords[user.name],
                "permissions": {
                    "publish": _rights(user.publish_allow, user.publish_deny),
                    "subscribe": _rights(user.subscribe_allow),
                    "allow_responses": user.allow_responses,
                },
            }
            for user in users
        ]
    }


def _rights(allow: Sequence[str], deny: Sequence[str] = ()) -> dict[str, list[str]]:
    # An empty list of what is allowed would allow everything.
    if not allow:
        return {"deny": [">"]}
    return {"allow": list(allow)} | ({"deny": list(deny)} if deny else {})


def server_settings(root: Path, port: int, monitor_port: int, sync: Sync) -> dict[str, Any]:
    """Return the settings without the users: loopback only, JetStream under root."""
    return {
        "server_name": "goaround",
        "listen": f"127.0.0.1:{port}",
        "http": f"127.0.0.1:{monitor_port}",
        "pid_file": str(root / "nats.pid"),
        "jetstream": {
            "store_dir": str(root / "store"),
            "max_mem": _MAX_MEMORY_BYTES,
            "max_file": _MAX_STORE_BYTES,
            "sync_interval": sync,
        },
    }


def with_passwords(users: Iterable[NatsUser], known: Mapping[str, str]) -> dict[str, str]:
    """Return the known passwords and a new random one for each user that has none."""
    return dict(known) | {
        user.name: secrets.token_urlsafe(_PASSWORD_BYTES)
        for user in users
        if user.name not in known
    }
