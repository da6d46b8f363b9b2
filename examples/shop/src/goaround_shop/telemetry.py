"""What the shop says of itself: Prometheus metrics, and a log of one JSON line a record.

It only records; it never decides. Label values are bounded by the routes that exist.
"""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

# Fine enough that a p95 of some milliseconds can be told from one twice as high.
BUCKETS_S = (
    *(0.001, 0.0015, 0.002, 0.003, 0.004, 0.006, 0.008, 0.01, 0.0125, 0.015, 0.02, 0.025, 0.03),
    *(0.04, 0.05, 0.065, 0.08, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0),
)

# There from the start, at nought: a rate of errors can be told from no data before the first one.
EXPECTED = (
    *(("GET", "/orders", code) for code in (200, 500, 503)),
    *(("POST", "/orders", code) for code in (201, 500, 503)),
)


class Metrics:
    """The process's own registry: two processes of one shop share nothing."""

    def __init__(self, version: str) -> None:
        # A third of the text, and nobody reads it.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "http_requests",
            "HTTP requests answered.",
            ("method", "path", "code"),
            registry=self._registry,
        )
        self._duration = Histogram(
            "http_request_duration_seconds",
            "From the request read to its answer ready.",
            ("method", "path"),
            buckets=BUCKETS_S,
            registry=self._registry,
        )
        for method, path, code in EXPECTED:
            self._requests.labels(method, path, str(code))
            self._duration.labels(method, path)
        self.in_flight = Gauge(
            "http_requests_in_flight", "Requests in hand.", registry=self._registry
        )
        Gauge("shop_build_info", "The release.", ("version",), registry=self._registry).labels(
            version
        ).set(1)

    def answered(self, method: str, path: str, code: int, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(method, path, str(code)).inc()
        self._duration.labels(method, path).observe(seconds)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)


class _Lines(logging.Formatter):
    def __init__(self, version: str) -> None:
        super().__init__()
        self._version = version

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "version": self._version,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def open_log(file: Path, version: str) -> logging.Logger:
    """Return the application's logger; it appends to `file`, one JSON line a record.

    Lines go out in single appends: two processes may write the same file during a hand-over.
    """
    handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(_Lines(version))
    log = logging.getLogger("goaround_shop")
    log.setLevel(logging.INFO)
    log.propagate = False
    log.handlers = [handler]
    return log
