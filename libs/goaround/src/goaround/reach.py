"""Reaching the bus: who we are there, whether anyone answers, and what is in the way if not."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr, ValidationError

from goaround.errors import Refused, Unreachable
from goaround_chassis import bus as chassis
from goaround_chassis.bus import Bus
from goaround_chassis.settings import BusSettings

T = TypeVar("T")

CONNECT_S = 5.0


@asynccontextmanager
async def bus_at(
    url: str, *, name: str = "client", within_s: float = CONNECT_S
) -> AsyncGenerator[Bus]:
    """Connect to the bus at a URL with user and password in it, or say what is in the way.

    Raises:
        Unreachable: Nothing is there, or it lets us not in.
    """
    settings = _settings(url)
    await _knock(settings)
    try:
        async with asyncio.timeout(within_s):
            bus = await Bus.connect(settings, name)
    except TimeoutError as error:
        raise Unreachable(
            f"{shown(url)} answers, but lets {settings.nats_user or 'nobody'} not in within "
            f"{within_s:g} s; check the user and the password"
        ) from error
    async with bus:
        yield bus


async def heard(asked: Awaitable[T]) -> T:
    """Return what the bus gives, with its errors as the client's."""
    try:
        return await asked
    except chassis.Unavailable as error:
        raise Unreachable(f"the bus did not confirm: {error}") from error
    except chassis.Refused as error:
        raise Refused(f"the bus refused: {error}") from error


def shown(url: str) -> str:
    """Return a URL without the passwords in it."""
    servers = [server.strip().rpartition("@") for server in url.split(",")]
    return ",".join(f"nats://{host}" if at else host for _, at, host in servers)


def _settings(url: str) -> BusSettings:
    first = urlsplit(url.split(",")[0].strip())
    try:
        return BusSettings(
            nats_url=url,
            nats_user=unquote(first.username) if first.username else None,
            nats_password=SecretStr(unquote(first.password)) if first.password else None,
        )
    except ValidationError as error:
        raise Unreachable(
            f"{shown(url)!r} is no address of a bus; write nats://user:password@host:4222"
        ) from error


async def _knock(settings: BusSettings) -> None:
    """See that at least one server is there: the bus itself would wait for it for ever."""
    why: list[str] = []
    for server in settings.servers:
        at = urlsplit(server)
        try:
            async with asyncio.timeout(CONNECT_S):
                _, writer = await asyncio.open_connection(at.hostname, at.port or 4222)
        except (OSError, TimeoutError) as error:
            why.append(f"{at.hostname}:{at.port or 4222}: {_said(error)}")
        else:
            writer.close()
            return
    raise Unreachable(f"no bus answers at {'; '.join(why)}; see that it runs and is reachable")


def _said(error: OSError | TimeoutError) -> str:
    return error.strerror or str(error) or f"no answer within {CONNECT_S:g} s"
