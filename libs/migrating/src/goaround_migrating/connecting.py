"""A connection to a PostgreSQL server, and in words what a server says no to.

What goes wrong comes as `Refused`, one line for people: the drivers' own exceptions may quote a
URL, and a URL holds a password.
"""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import asyncpg

from goaround_migrating.address import UnreadableURL, masked, without_password

if TYPE_CHECKING:
    from asyncpg import Connection

_CONNECT_S = 15.0
_CLOSE_S = 5.0
_NAME = {"application_name": "goaround"}
SAYS_NO = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
"""All that a server, the way to it, or the driver may answer; time-outs are among them."""


class Refused(Exception):
    """What a server said, or that there is none. One line for people, without a password."""


@asynccontextmanager
async def connected(url: str) -> "AsyncGenerator[Connection[Any]]":
    """Lend a connection of its own, closed afterwards.

    Raises:
        Refused: there is no server, it lets nobody in, or it said no to what was asked inside.
    """
    try:
        without_password(url)
        connection: Connection[Any] = await asyncpg.connect(
            url, timeout=_CONNECT_S, server_settings=_NAME
        )
    except (ValueError, asyncpg.InterfaceError):
        # They quote what they could not read, and that may be half a password.
        raise Refused(str(UnreadableURL())) from None
    except SAYS_NO as error:
        raise Refused(words(error, url)) from None
    try:
        with said(url):
            yield connection
    finally:
        try:
            await connection.close(timeout=_CLOSE_S)
        except SAYS_NO:
            connection.terminate()


@contextmanager
def said(url: str = "") -> Generator[None]:
    """Turn whatever a server says no with into `Refused`."""
    try:
        yield
    except SAYS_NO as error:
        raise Refused(words(error, url)) from error


def words(error: Exception, *urls: str) -> str:
    """Return what was said as one line."""
    told = str(error)
    if isinstance(error, TimeoutError) and not told:
        told = "no answer in time"
    elif isinstance(error, OSError):
        told = f"there is no server: {error.strerror or told}"
    return masked(told or type(error).__name__, *urls)
