"""`/live`, `/ready` and `/metrics`, from a thread of its own.

A thread, so that a blocked event loop is seen from outside rather than seen as a timeout. It reads
`Health` and asks nothing of the loop.
"""

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from goaround_chassis.health import Health, State

READ_TIMEOUT_S = 5.0


class CannotListen(Exception):
    """The probes' port cannot be had."""

    def __init__(self, host: str, port: int, why: OSError) -> None:
        super().__init__(
            f"cannot listen on {host}:{port} for probes ({why.strerror}); "
            f"set GOAROUND_PROBE_PORT to a free port, or to 0 for any"
        )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A prober that vanishes in mid-answer is no event.
    block_on_close = False

    def __init__(self, address: tuple[str, int], health: Health) -> None:
        self.health = health
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    timeout = READ_TIMEOUT_S
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/live":
                self._state(self.server.health.live())
            case "/ready":
                self._state(self.server.health.ready())
            case "/metrics":
                self._send(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest())
            case _:
                self._send(HTTPStatus.NOT_FOUND, "text/plain", b"/live /ready /metrics\n")

    def do_HEAD(self) -> None:
        self.do_GET()

    def _state(self, state: State) -> None:
        status = HTTPStatus.OK if state.well else HTTPStatus.SERVICE_UNAVAILABLE
        body = {"ok": state.well, "reasons": state.complaints}
        self._send(status, "application/json", json.dumps(body).encode() + b"\n")

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing: probes come every few seconds."""


class Probes:
    """The probes' server, while it is entered."""

    def __init__(self, health: Health, host: str, port: int, port_file: Path | None = None) -> None:
        try:
            self._server = _Server((host, port), health)
        except OSError as error:
            raise CannotListen(host, port, error) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
        )
        self._port_file = port_file

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._server.server_port

    def __enter__(self) -> Self:
        self._thread.start()
        if self._port_file is not None:
            # Written whole or not at all: a supervisor polls it.
            draft = self._port_file.with_suffix(".tmp")
            draft.write_text(f"{self.port}\n")
            draft.replace(self._port_file)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=1)
