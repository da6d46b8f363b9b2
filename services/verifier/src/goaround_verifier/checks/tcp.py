"""tcp: whether a connection can be opened. Nothing is sent."""

import asyncio
import socket
from typing import Any

from goaround_schemas.guide import Check
from goaround_verifier.checks.exchange import refused
from goaround_verifier.checks.probe import Mask, quote, seconds
from goaround_verifier.finding import Finding, absent, errored, hopeless, passed

_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class TcpProbe:
    """Opens a connection and drops it."""

    async def ask(self, check: Check, timeout_s: float, mask: Mask) -> Finding:
        """Return what was found within the time."""
        assert check.tcp is not None
        host, port = check.tcp.host, str(check.tcp.port).strip()
        at = quote(f"{host}:{port}", mask)
        if not (port.isdecimal() and 0 < int(port) < 65536):
            return hopeless(f"tcp {at}: {quote(port, mask)!r} is no port; wanted 1 to 65535")
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with asyncio.timeout(timeout_s):
                refusals = await _refusals(host, int(port))
        except TimeoutError:
            return errored(f"tcp {at}: no connection within {timeout_s:g} s")
        except socket.gaierror as error:
            return errored(f"tcp {at}: the name is not known: {error.strerror or error}")
        except (OSError, ValueError) as error:
            return errored(f"tcp {at}: {error}")
        if not refusals:
            return passed(f"tcp {at} took a connection in {seconds(loop.time() - started)}")
        if all(map(refused, refusals)):
            return absent(f"tcp {at}: nothing listens at {at}")
        return errored(f"tcp {at}: {'; '.join(map(str, refusals))}")


async def _refusals(host: str, port: int) -> list[OSError]:
    """Return what kept each address of a host from taking a connection; none where one took it.

    The bare socket is enough: there is nothing to read or write, so no stream is made of it.

    Raises:
        socket.gaierror: The host is no address, and no name that is known.
        OSError, ValueError: There can be no connection, whatever the address.
    """
    loop = asyncio.get_running_loop()
    refusals: list[OSError] = []
    for family, kind, protocol, _, address in await _addresses(host, port):
        with socket.socket(family, kind, protocol) as bare:
            bare.setblocking(False)
            # What is near answers at once: the loop then finds it connected, and waits for nothing.
            bare.connect_ex(address)
            try:
                await loop.sock_connect(bare, address)
            except OSError as error:
                refusals.append(error)
            else:
                return []
    return refusals


async def _addresses(host: str, port: int) -> list[tuple[Any, ...]]:
    """Return the addresses to be tried. A name is looked up elsewhere: that may take its time."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=_NUMERIC)
    except socket.gaierror:
        loop = asyncio.get_running_loop()
        return await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
