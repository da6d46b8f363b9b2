"""A service's metrics page whose numbers a test decides, and a board that takes notices."""

import json
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Page:
    """Counters that grow with the clock: so many requests a second, so many of them errors."""

    def __init__(self) -> None:
        self.requests_per_s = 200.0
        self._errors_per_s = 0.0
        self._errors_until = (0.0, time.monotonic())
        self.url = ""
        self.status = 200
        self.load = "0.5"
        self.notices: list[dict[str, Any]] = []

    def fail(self, errors_per_s: float) -> None:
        """From now on, so many requests a second fail."""
        self._errors_until = (self._errors(), time.monotonic())
        self._errors_per_s = errors_per_s

    def text(self) -> str:
        """The page as Prometheus reads it."""
        total = self.requests_per_s * time.monotonic()
        errors = self._errors()
        return (
            "# TYPE http_requests_total counter\n"
            f'http_requests_total{{code="200"}} {total - errors}\n'
            f'http_requests_total{{code="500"}} {errors}\n'
            "# TYPE load gauge\n"
            f"load {self.load}\n"
        )

    def _errors(self) -> float:
        so_far, since = self._errors_until
        return so_far + self._errors_per_s * (time.monotonic() - since)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    """Who finds the queue full is heard a second later: too late for looks that come together."""


@contextmanager
def served() -> Generator[Page]:
    """Serve the page, and take what is posted."""
    page = Page()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(page.status, page.text())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            page.notices.append(json.loads(body))
            self._answer(202, "kept")

        def _answer(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            del format, args

    server = _Server(("127.0.0.1", 0), Handler)
    page.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield page
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def watch(page: Page, period: str = "5s") -> str:
    """The watch of a guide that looks at the page."""
    errors = (
        f'{{scrape: {{url: "{page.url}", increase: http_requests_total, where: {{code: 5..}}}}}}'
    )
    requests = f'{{scrape: {{url: "{page.url}", increase: http_requests_total}}}}'
    return (
        f"{{period: {period}, every: 250ms, extend: {{by: 2s, at_most: 1}}, "
        "baseline: {before: 3s}, hold_within: 5m, "
        f"signals: [{{name: errors, kind: errors, errors: {errors}, requests: {requests}}}]}}"
    )
