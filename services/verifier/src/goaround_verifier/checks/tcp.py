"""tcp: whether a connection can be opened. Nothing is sent."""

import asyncio
import socket

from goaround_schemas.guide import Check
from goaround_verifier.checks.exchange import refused
from goaround_verifier.checks.probe import Mask, quote, seconds
from goaround_verifier.finding import Finding, absent, errored, hopeless, passed


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
                _, writer = await asyncio.open_connection(host, int(port))
        except TimeoutError:
            return errored(f"tcp {at}: no connection within {timeout_s:g} s")
        except socket.gaierror as error:
            return errored(f"tcp {at}: the name is not known: {error.strerror or error}")
        except (OSError, ValueError) as error:
            if refused(error):
                return absent(f"tcp {at}: nothing listens at {at}")
            return errored(f"tcp {at}: {error}")
        writer.transport.abort()
        return passed(f"tcp {at} took a connection in {seconds(loop.time() - started)}")
