import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from goaround.embedded import EmbeddedPostgres
from tests.shop.live import LiveShop, run, start, until


@pytest.fixture
def shop(tmp_path: Path, database: str) -> Iterator[LiveShop]:
    """A service nobody has released anything of yet; ended with everything after the test."""
    live = LiveShop(tmp_path / "state", database)
    yield live
    if live.state.exists():
        run("down", "--state", live.state)


@pytest.fixture
def standing(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Start a stand-in on a free port; returns its URL."""
    started: list[subprocess.Popen[str]] = []

    def stand(command: str, *words: object) -> str:
        port_file = tmp_path / f"{command}.port"
        started.append(start(command, "--port", 0, "--port-file", port_file, *words))
        until(port_file.exists, f"{command} stands")
        return f"http://127.0.0.1:{port_file.read_text().strip()}"

    yield stand
    for process in started:
        process.terminate()
        process.communicate()


@pytest.fixture(scope="module")
def malformed_shop(
    tmp_path_factory: pytest.TempPathFactory, postgres: EmbeddedPostgres
) -> Iterator[LiveShop]:
    """One running shop for a whole table of bad input."""
    live = LiveShop(
        tmp_path_factory.mktemp("malformed") / "state", postgres.create_database("malformed")
    )
    live.release("1.0.0")
    yield live
    run("down", "--state", live.state)
    postgres.drop_database("malformed")
