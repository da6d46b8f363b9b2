"""Commands, plans and documents with everything filled in that a test does not care for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from goaround_judge import SampleState
from goaround_schemas.guide import Signal, Watch
from goaround_schemas.watching import WorkWatch, WorkWatchData
from goaround_watcher.look import Look, Order, SeenSignal
from goaround_watcher.sources.port import Lines, Span
from goaround_watcher.state import Row

START = datetime(2026, 1, 1, tzinfo=UTC)

LATENCY = {"name": "p95", "kind": "latency", "unit": "s"}


def scraped(name: str = "p95", **more: Any) -> dict[str, Any]:
    return {"name": name, "scrape": {"url": "http://shop/metrics", "value": name}, **more}


def queried(name: str = "p95", **more: Any) -> dict[str, Any]:
    return {"name": name, "prometheus": f"avg({name})", **more}


def plan(**fields: Any) -> Watch:
    given: dict[str, Any] = {
        "period": "60s",
        "every": "5s",
        "extend": {"by": "20s", "at_most": 1},
        "baseline": {"before": "60s"},
        "signals": [scraped()],
        **fields,
    }
    return Watch.model_validate_json(json.dumps(given))


def signal(**fields: Any) -> Signal:
    return Signal.model_validate_json(json.dumps(fields))


def command(
    action: str = "watch", *, named: str | None = None, run: str = "r1", **fields: Any
) -> WorkWatch:
    watch = fields.pop("watch", None if action == "stop" else plan())
    return WorkWatch(
        id=named or f"{run}-{action}",
        source="orchestrator",
        subject=run,
        correlationid=run,
        data=WorkWatchData.model_validate(
            {
                "run_id": run,
                "service": "shop",
                "environment": "prod",
                "version": "2.0.0",
                "action": action,
                "watch": watch,
                **fields,
            }
        ),
    )


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def since_1970(seconds: float) -> float:
    return START.timestamp() + seconds


def row(seconds: float, value: float | None, state: SampleState = SampleState.OK) -> Row:
    return Row(since_1970(seconds), value, state)


class Scripted:
    """A lookout that shows what it is told to, and keeps what it was asked for."""

    def __init__(self, *, value: float = 0.1) -> None:
        self.value: float | None = value
        self.state = SampleState.OK
        self.lines: tuple[str, ...] = ()
        self.orders: list[Order] = []

    async def look(self, order: Order) -> Look:
        self.orders.append(order)
        # A little unrest: a series without any is no baseline that a service ever had.
        unrest = 1 + (len(self.orders) % 5 - 2) / 50
        value = self.value * unrest if self.value is not None else None
        return Look(
            span=order.span,
            signals={
                s.name: SeenSignal((Row(order.span.until, value, self.state),), "", ())
                for s in order.signals
            },
            logs={title: Lines(self.lines, cursors={}) for title in order.logs},
            memory=order.memory,
        )


def span(since: float, until: float, *, step_s: float = 5.0, timeout_s: float = 2.0) -> Span:
    return Span(since_1970(since), since_1970(until), step_s, timeout_s)
