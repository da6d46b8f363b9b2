"""The stage of the demo: a shop that runs, customers who order, a CI that says what passed.

Every part is a process of the example shop, on free ports, and ends with this one. Nothing here
knows how a deployment goes; that is the guide's and goaround's.
"""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from goaround_guidebook import correct

SERVICE = "shop"
ENVIRONMENT = "prod"
FIRST = "1.0.0"
PASSED = ("1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0", "2.0.0")
ORDERS_A_SECOND = 40
_PATIENCE_S = 20.0


class SceneFailed(Exception):
    """A part of the shop did not do what the demo needs; the message says which and why."""


@dataclass
class Scene:
    """The shop below one folder."""

    folder: Path
    database: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])

    @property
    def state(self) -> Path:
        """Where the release tool keeps the shop."""
        return self.folder / "shop"

    @property
    def notices(self) -> Path:
        """What the board was told, one JSON object a line."""
        return self.folder / "notices.jsonl"

    @property
    def guides(self) -> Path:
        """Where the guide is that goaround reads."""
        return self.folder / "guides"

    def set_up(self) -> None:
        """Have the first release run, and everything around it.

        Raises:
            SceneFailed: Something did not start.
        """
        self.state.mkdir(parents=True, exist_ok=True)
        self.guides.mkdir(exist_ok=True)
        board = self._serve("board", "--file", str(self.notices))
        ci = self._serve("ci", "--passed", ",".join(PASSED))
        shop(["migrate", "upgrade", "--release", FIRST, "--database", self.database])
        port_file = self.folder / "shop.port"
        shop(
            [
                *("release", FIRST, "--state", str(self.state), "--database", self.database),
                *("--port", "0", "--port-file", str(port_file)),
                *("--die-with-pid", str(os.getpid())),
            ]
        )
        self.url = f"http://127.0.0.1:{_port(port_file)}"
        self.board_url = f"http://127.0.0.1:{board}/notices"
        self._spawn("traffic", "--url", self.url, "--rate", str(ORDERS_A_SECOND))
        self._write_guide(f"http://127.0.0.1:{ci}")

    def environment(self) -> dict[str, str]:
        """What the services must find in their environment: the guide's secret, and `python`."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return {"PATH": path, "SHOP_BOARD_URL": self.board_url, "SHOP_DATABASE": self.database}

    def version(self) -> str:
        """The version that answers now."""
        with urlopen(f"{self.url}/version", timeout=5) as answer:
            document: dict[str, Any] = json.load(answer)
            return str(document["version"])

    def schema(self) -> str:
        """The revision that the shop's database is at."""
        return shop(["migrate", "current", "--database", self.database]).strip()

    def told(self) -> list[dict[str, Any]]:
        """Every notice that arrived at the board."""
        if not self.notices.exists():
            return []
        lines = self.notices.read_text().splitlines()
        return [json.loads(line)["notice"] for line in lines]

    def tear_down(self) -> None:
        """End everything that was started, and nothing else."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()
        if (self.state / "service.json").exists():
            shop(["down", "--state", str(self.state)])

    def _write_guide(self, ci: str) -> None:
        text = guide_file().read_text()
        variables = ("environments", ENVIRONMENT, "vars")
        for path, value in (
            ((*variables, "base"), self.url),
            ((*variables, "ci"), ci),
            ((*variables, "state"), str(self.state)),
            (("preflight", "rollback", "understood_on"), f"{datetime.now(UTC):%Y-%m-%d}"),
        ):
            text = correct(text, path, value).text
        (self.guides / "shop.yaml").write_text(text)

    def _serve(self, what: str, *arguments: str) -> int:
        port_file = self.folder / f"{what}.port"
        port_file.unlink(missing_ok=True)
        self._spawn(what, "--port", "0", "--port-file", str(port_file), *arguments)
        return _port(port_file)

    def _spawn(self, what: str, *arguments: str) -> None:
        log = self.folder / f"{what}.log"
        with log.open("ab") as out:
            process = subprocess.Popen(
                [*_PROGRAM, what, *arguments, "--die-with-pid", str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)


_PROGRAM = (sys.executable, "-m", "goaround_shop")


def shop(arguments: list[str]) -> str:
    """Run one command of the shop and return what it printed.

    Raises:
        SceneFailed: It failed; with what it said.
    """
    done = subprocess.run(
        [*_PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise SceneFailed(f"shop {' '.join(arguments[:2])}: {done.stderr.strip()}")
    return done.stdout


def guide_file() -> Path:
    """The shop's guide as the repository has it.

    Raises:
        SceneFailed: The example shop is not here: goaround was installed without its sources.
    """
    spec = find_spec("goaround_shop")
    if spec is None or spec.origin is None:
        raise SceneFailed("the example shop is not installed: run the demo from a checkout")
    path = Path(spec.origin).resolve().parents[2] / "guides" / "shop.yaml"
    if not path.exists():
        raise SceneFailed(f"no guide at {path}: run the demo from a checkout of the repository")
    return path


def _port(file: Path) -> int:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        try:
            return int(file.read_text())
        except (OSError, ValueError):
            time.sleep(0.02)
    raise SceneFailed(f"nothing was written to {file} in {_PATIENCE_S:g} s: see the logs beside it")
