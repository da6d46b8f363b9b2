"""Ports on loopback, and a server's own pages on one of them. Never leaves this machine."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any, cast

_PAGE_TIMEOUT_S = 2.0
_HOST = "127.0.0.1"


def port_of(address: str) -> int:
    """Return the port of `host:port`, 0 where there is none."""
    return int(address.rpartition(":")[2] or 0)


def is_free(port: int) -> bool:
    """Whether nobody listens on the port now; the next moment may differ."""
    if not port:
        return False
    with socket.socket() as probe:
        # What a server that just ended left in the kernel does not count as someone listening.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def asked(address: str, page: str) -> dict[str, Any]:
    """Return a JSON page, empty when there is no answer. No proxy is asked on the way."""
    connection = http.client.HTTPConnection(_HOST, port_of(address), timeout=_PAGE_TIMEOUT_S)
    try:
        connection.request("GET", page)
        return cast("dict[str, Any]", json.loads(connection.getresponse().read()))
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    finally:
        connection.close()
