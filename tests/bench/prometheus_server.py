"""A stand-in for Prometheus that is cheap: it answers range queries in the documented form.

Every expression is one steady, restless series of its own, told from the text of the expression
and the time, so that the same question has the same answer. A question joined of several
(`label_replace(...) or ...`) is answered with a series for each part, as the real one does.

    python -m tests.bench.prometheus_server      prints its port, then serves until killed
"""

import asyncio
import math
import re
import sys
from functools import lru_cache
from random import Random
from typing import cast
from urllib.parse import unquote_plus
from zlib import crc32

_PART = re.compile(r'label_replace\(\(\n?(.*?)\n?\), "(\w+)", "(\w*)", "", ""\)', re.DOTALL)
_NOISE = tuple(Random(7).gauss(0, 1) for _ in range(9973))


@lru_cache(maxsize=200_000)
def parts(query: str) -> tuple[tuple[str, int, bool], ...]:
    """Return for each series its labels, where in the noise it begins, and whether it counts.

    The query is as it was sent: the same few thousand come again and again, and are read once.
    """
    query = unquote_plus(query)
    joined = _PART.findall(query)
    if not joined:
        return (("{}", crc32(query.encode()), "increase(" in query),)
    return tuple(
        (f'{{"{label}":"{value}"}}', crc32(text.encode()), "increase(" in text)
        for text, label, value in joined
    )


def series(labels: str, seed: int, *, counts: bool, times: list[float]) -> str:
    """Return one series of the answer."""
    base = 1.0 + seed % 50 if counts else 0.1 + seed % 97 / 100
    points: list[str] = []
    for at in times:
        noise = _NOISE[(seed + int(at * 10)) % len(_NOISE)]
        value = round(base * 40 + noise) if counts else base * (1 + noise / 20)
        points.append(f'[{at:.3f},"{value:.9g}"]')
    return f'{{"metric":{labels},"values":[{",".join(points)}]}}'


def answer(parameters: str) -> bytes:
    """Return the body of the answer to a range query, whose parameters are as a form has them."""
    asked = dict(pair.split("=", 1) for pair in parameters.split("&"))
    start, end, step = (float(asked[name]) for name in ("start", "end", "step"))
    count = math.floor((end - start) / step + 1e-6) + 1
    times = [start + i * step for i in range(count)]
    found = [series(lb, seed, counts=c, times=times) for lb, seed, c in parts(asked["query"])]
    body = f'{{"status":"success","data":{{"resultType":"matrix","result":[{",".join(found)}]}}}}'
    return body.encode()


class Connection(asyncio.Protocol):
    """One connection, kept open, with any number of requests."""

    def __init__(self) -> None:
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].decode()
            length = re.search(r"(?i)\ncontent-length: *(\d+)", head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._received) < whole:
                return
            body, self._received = self._received[end + 4 : whole], self._received[whole:]
            self._reply(head.split(" ", 2)[1], body.decode())

    def _reply(self, target: str, body: str) -> None:
        assert self._transport is not None
        said = answer(body or target.partition("?")[2])
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(said)}\r\n\r\n"
        )
        self._transport.write(head.encode() + said)


async def main() -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(
        Connection, "127.0.0.1", 0, backlog=1000
    )
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
