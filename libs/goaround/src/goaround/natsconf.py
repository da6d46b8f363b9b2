"""Who may connect to a real NATS server and say what, in that server's own language. Pure.

Passwords are no part of it: each is a variable, which the server reads from its environment.
"""

import json
import re
from collections.abc import Iterable

from goaround.embedded import NatsUser
from goaround.embedded.natsconfig import authorization

VARIABLE = "GOAROUND_NATS_PASSWORD_"


def variable_of(user: str) -> str:
    """The variable of a user's password."""
    return VARIABLE + re.sub(r"[^A-Z0-9]", "_", user.upper())


def configuration(users: Iterable[NatsUser]) -> str:
    """Return the `authorization` block; the server may include it as a file."""
    known = tuple(users)
    passwords = {user.name: f"${variable_of(user.name)}" for user in known}
    text = json.dumps(authorization(known, passwords), indent=2)
    # Quoted, a variable would be a password that begins with a dollar.
    unquoted = re.sub(rf'"(\${VARIABLE}[A-Z0-9_]+)"', r"\1", text)
    names = "".join(f"#   {variable_of(user.name)}\n" for user in known)
    return (
        "# Who may say what on goaround's bus. Passwords come from the server's environment:\n"
        f"{names}"
        "# Begin each with a letter: the server reads what looks like a number as one.\n"
        f"authorization: {unquoted}\n"
    )
