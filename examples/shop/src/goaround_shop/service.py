"""The shop's routes: requests in, answers out, each counted and timed.

It knows nothing of sockets, processes or how it came to run; a release's flaws are applied here.
"""

import asyncio
import json
import logging
import time
from http import HTTPStatus

import asyncpg

from goaround_shop.http11 import Request, Response, answer
from goaround_shop.orders import Orders, Unavailable
from goaround_shop.releases import Flaw, Release
from goaround_shop.telemetry import Metrics
from goaround_shop.wear import Leak, NoFreeConnection

# Bounded, so that what is stored always fits and a total never exceeds the column's type.
MAX_TEXT = 200
MAX_QUANTITY = 1_000
MAX_UNIT_CENTS = 1_000_000

_ALLOWED = {
    "/livez": ("GET",),
    "/readyz": ("GET",),
    "/version": ("GET",),
    "/metrics": ("GET",),
    "/healthz/dependencies": ("GET",),
    "/orders": ("GET", "POST"),
    "/orders/{id}": ("GET",),
}


class Refused(Exception):
    """The request asks for what we do not do; nothing is wrong with us."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class Shop:
    """One release at work."""

    def __init__(
        self, release: Release, orders: Orders, metrics: Metrics, log: logging.Logger
    ) -> None:
        self._release = release
        self._orders = orders
        self._metrics = metrics
        self._log = log
        self._leak = Leak(release.wear, time.monotonic()) if release.wear else None

    async def __call__(self, request: Request) -> Response:
        """Answer one request; whatever goes wrong is an answer too, and a line in the log."""
        started = time.perf_counter()
        method = "GET" if request.method == "HEAD" else request.method
        route = _route(request.path)
        with self._metrics.in_flight.track_inprogress():
            response = await self._answered(method, route, request)
        # Labels hold only what the shop knows: a stranger's request never grows the registry.
        known = method if method in _ALLOWED.get(route, ()) else "other"
        self._metrics.answered(known, route, response.status, time.perf_counter() - started)
        return response

    async def _answered(self, method: str, route: str, request: Request) -> Response:
        try:
            return await self._answer(method, route, request)
        except Refused as refusal:
            return answer(refusal.status, {"error": str(refusal)})
        except NoFreeConnection as error:
            self._log.error("%s %s failed", method, route, exc_info=error)
            return answer(500, {"error": str(error)})
        except Unavailable as error:
            self._log.error("%s %s failed", method, route, exc_info=error)
            ours = isinstance(error, asyncpg.SyntaxOrAccessError | asyncpg.DataError)
            return answer(500 if ours else 503, {"error": f"database: {error}"})

    async def _answer(self, method: str, route: str, request: Request) -> Response:
        allowed = _ALLOWED.get(route)
        if allowed is None:
            raise Refused(HTTPStatus.NOT_FOUND, f"nothing at {request.path[:MAX_TEXT]}")
        if method not in allowed:
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, f"{route} takes {', '.join(allowed)}")
        match route:
            case "/livez":
                return answer(200, {"status": "alive"})
            case "/version":
                return answer(200, {"version": self._release.version})
            case "/metrics":
                return Response(200, self._metrics.text(), "text/plain; version=0.0.4")
            case "/readyz":
                return await self._ready()
            case "/healthz/dependencies":
                return await self._dependencies()
            case _:
                return await self._ordering(method, request)

    async def _ready(self) -> Response:
        try:
            why = await self._orders.misfit()
        except Unavailable as error:
            why = f"database: {error or type(error).__name__}"
        if why is not None:
            return answer(503, {"status": "not ready", "reason": why})
        return answer(200, {"status": "ready"})

    async def _dependencies(self) -> Response:
        started = time.perf_counter()
        try:
            await self._orders.ping()
        except Unavailable as error:
            why = str(error) or type(error).__name__
            return answer(503, {"postgres": {"status": "down", "reason": why}})
        took_ms = round((time.perf_counter() - started) * 1000, 2)
        return answer(200, {"postgres": {"status": "up", "latency_ms": took_ms}})

    async def _ordering(self, method: str, request: Request) -> Response:
        if self._leak is not None:
            delay_s = self._leak.delay_s(time.monotonic())
            if delay_s:
                await asyncio.sleep(delay_s)
        if method == "POST":
            return await self._place(request)
        if request.path == "/orders":
            return answer(200, {"orders": await self._orders.newest()})
        number = request.path.removeprefix("/orders/")
        order = await self._orders.get(int(number)) if _is_number(number) else None
        if order is None:
            raise Refused(HTTPStatus.NOT_FOUND, f"no order {number[:MAX_TEXT]}")
        return answer(200, order)

    async def _place(self, request: Request) -> Response:
        wish = _wish(request.body)
        item, note = _text(wish, "item", None), _text(wish, "note", "")
        quantity = _whole(wish, "quantity", 1, MAX_QUANTITY)
        unit_cents = _whole(wish, "unit_cents", 0, MAX_UNIT_CENTS)
        order = await self._orders.place(item, quantity, unit_cents, note)
        if Flaw.TOTAL_WITHOUT_QUANTITY in self._release.flaws and quantity > 1:
            stored, order = order["total_cents"], {**order, "total_cents": unit_cents}
            self._log.warning("order answered with %s, stored with %s", unit_cents, stored)
        self._log.info("order placed")
        return answer(201, order)


def _route(path: str) -> str:
    if path in _ALLOWED:
        return path
    return "/orders/{id}" if path.startswith("/orders/") else "other"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


def _wish(body: bytes) -> dict[str, object]:
    try:
        wish: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(HTTPStatus.BAD_REQUEST, f"the order is not JSON: {error}") from None
    match wish:
        case dict():
            return {str(name): value for name, value in wish.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case _:
            raise Refused(HTTPStatus.BAD_REQUEST, "the order is not a JSON object")


def _text(wish: dict[str, object], name: str, otherwise: str | None) -> str:
    match wish.get(name, otherwise):
        # What cannot be printed (a NUL, half a surrogate) cannot be stored either.
        case str() as text if len(text) <= MAX_TEXT and text.isprintable():
            return text
        case _:
            raise Refused(
                HTTPStatus.BAD_REQUEST, f"{name!r} must be a text of up to {MAX_TEXT} characters"
            )


def _whole(wish: dict[str, object], name: str, least: int, most: int) -> int:
    match wish.get(name):
        case bool():
            pass
        case int() as number if least <= number <= most:
            return number
        case _:
            pass
    raise Refused(HTTPStatus.BAD_REQUEST, f"{name!r} must be a whole number from {least} to {most}")
