"""A real NATS server of our own, for as long as a test needs it."""

import socket
import subprocess
import sysconfig
import time
from pathlib import Path

BINARY = Path(sysconfig.get_path("scripts")) / "nats-server"
START_WITHIN_S = 10.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class NatsServer:
    """A server with JetStream on loopback; `kill` and `start` again keep its port and its data."""

    def __init__(self, folder: Path, extra: str = "") -> None:
        self.port = free_port()
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "nats.conf"
        self._config.write_text(
            f'listen: "127.0.0.1:{self.port}"\n'
            f'jetstream {{ store_dir: "{folder / "js"}", sync_interval: "2m" }}\n{extra}'
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            [BINARY, "-c", self._config, "-l", self._folder / "nats.log"]
        )
        deadline = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                probe.settimeout(0.2)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.01)
        raise AssertionError((self._folder / "nats.log").read_text())

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(timeout=10)
