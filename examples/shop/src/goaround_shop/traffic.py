"""`traffic`: customers. Real requests at a steady rate, whatever the shop answers.

The rate does not bend to the shop: a slow shop gets as many requests as a fast one, until so many
wait that further ones are counted as not sent. It never retries: what failed is counted as failed.
"""

import argparse
import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import httpx

from goaround_shop.process import until_told_or

PATIENCE_S = 5.0
MOST_WAITING = 200
ORDERS_ONE_IN = 4
"""One request in four places an order, the others look at the list."""


@dataclass(frozen=True)
class Summary:
    """What the customers met."""

    seconds: float
    sent: int
    answered: dict[str, int]
    """Answers by status code."""
    unanswered: dict[str, int]
    """Requests without an answer, by the kind of failure."""
    not_sent: int
    p50_ms: float
    p95_ms: float
    max_ms: float

    def __str__(self) -> str:
        codes = ", ".join(f"{number} x {code}" for code, number in self.answered.items()) or "none"
        lost = ", ".join(f"{number} x {kind}" for kind, number in self.unanswered.items()) or "none"
        return (
            f"{self.sent} requests in {self.seconds:.1f} s: answers {codes}; unanswered {lost}; "
            f"not sent {self.not_sent}; p50 {self.p50_ms:.1f} ms, p95 {self.p95_ms:.1f} ms, "
            f"max {self.max_ms:.1f} ms"
        )


class Traffic:
    """Sends, and counts what comes of it."""

    def __init__(self, client: httpx.AsyncClient, rate: float) -> None:
        self._client = client
        self._rate = rate
        self._sent = self._not_sent = 0
        self._answered: Counter[str] = Counter()
        self._unanswered: Counter[str] = Counter()
        self._took_ms: list[float] = []
        self._waiting: set[asyncio.Task[None]] = set()
        self._began = time.monotonic()

    async def run(self, seconds: float | None) -> None:
        """Send for so long, or until cancelled, and wait for the answers still out."""
        self._began = time.monotonic()
        turn = 0
        try:
            while seconds is None or turn < seconds * self._rate:
                await asyncio.sleep(max(0.0, self._began + turn / self._rate - time.monotonic()))
                self._send(turn)
                turn += 1
        finally:
            if self._waiting:
                await asyncio.wait(self._waiting)

    def summary(self) -> Summary:
        """Return what was met so far."""
        took = sorted(self._took_ms) or [0.0]
        return Summary(
            seconds=round(time.monotonic() - self._began, 3),
            sent=self._sent,
            answered=dict(sorted(self._answered.items())),
            unanswered=dict(sorted(self._unanswered.items())),
            not_sent=self._not_sent,
            p50_ms=round(took[len(took) // 2], 2),
            p95_ms=round(took[int(len(took) * 0.95)], 2),
            max_ms=round(took[-1], 2),
        )

    def _send(self, turn: int) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._not_sent += 1
            return
        self._sent += 1
        task = asyncio.create_task(self._request(turn))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _request(self, turn: int) -> None:
        started = time.perf_counter()
        try:
            if turn % ORDERS_ONE_IN == 0:
                wish = {"item": "apple", "quantity": turn % 3 + 1, "unit_cents": 120}
                response = await self._client.post("/orders", json=wish)
            else:
                response = await self._client.get("/orders")
        except httpx.TransportError as error:
            self._unanswered[type(error).__name__] += 1
            return
        self._answered[str(response.status_code)] += 1
        self._took_ms.append((time.perf_counter() - started) * 1000)


def main(argv: Sequence[str]) -> int:
    """Send, then print a summary."""
    parser = argparse.ArgumentParser(prog="goaround_shop traffic", description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--rate", type=float, default=40.0, help="requests a second")
    parser.add_argument("--seconds", type=float, help="until SIGTERM or SIGINT if absent")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.add_argument("--die-with-pid", type=int, help="stop when that process is gone")
    args = parser.parse_args(argv[1:])
    if not 0 < args.rate <= 10_000:
        parser.error(f"--rate {args.rate:g}: from above 0 to 10000")
    summary = asyncio.run(_send(args.url, args.rate, args.seconds, args.die_with_pid))
    print(json.dumps(asdict(summary)) if args.json else summary)
    return 0


async def _send(url: str, rate: float, seconds: float | None, die_with_pid: int | None) -> Summary:
    limits = httpx.Limits(max_connections=MOST_WAITING, max_keepalive_connections=20)
    async with httpx.AsyncClient(
        base_url=url, timeout=PATIENCE_S, limits=limits, trust_env=False
    ) as client:
        traffic = Traffic(client, rate)
        await until_told_or(lambda: traffic.run(seconds), die_with_pid)
        return traffic.summary()
