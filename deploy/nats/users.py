"""Writes users.conf: who may connect to the bus and say what, as the topology has it.

    python deploy/nats/users.py > deploy/nats/users.conf

Passwords are no part of it: each is a variable, which the server reads from its environment.
"""

import json
import re
from collections.abc import Iterable

from goaround.embedded import NatsUser
from goaround.embedded.natsconfig import authorization
from goaround.topology import users

VARIABLE = "GOAROUND_NATS_PASSWORD_"
_HEAD = "# Written by users.py from the topology; a test compares. Do not edit."


def configuration(of: Iterable[NatsUser]) -> str:
    """The users with their rights, in the server's own language."""
    known = tuple(of)
    passwords = {user.name: f"${VARIABLE}{user.name.upper()}" for user in known}
    text = json.dumps({"authorization": authorization(known, passwords)}, indent=2)
    # Quoted, a variable would be a password that begins with a dollar.
    unquoted = re.sub(rf'"(\${VARIABLE}[A-Z_]+)"', r"\1", text)
    return f"{_HEAD}\n{unquoted[2:-2]}\n"


if __name__ == "__main__":
    print(configuration(users()), end="")  # noqa: T201
