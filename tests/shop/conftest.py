import asyncio
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from goaround.embedded import EmbeddedPostgres
from goaround_shop import control
from tests.shop.live import LiveShop, start, until


@pytest.fixture(scope="session")
def shop_database(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A database for one shop after the other: emptying one is quicker than making one."""
    yield postgres.create_database("shop")
    postgres.drop_database("shop")


async def _emptied(database: str) -> str:
    connection = await asyncpg.connect(database)
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await connection.close()
    return database


@pytest.fixture
def shop(tmp_path: Path, shop_database: str) -> Iterator[LiveShop]:
    """A service nobody has released anything of yet; ended with everything after the test."""
    live = LiveShop(tmp_path / "state", asyncio.run(_emptied(shop_database)))
    yield live
    control.main(("down", "--state", str(live.state)))


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
    control.main(("down", "--state", str(live.state)))
    postgres.drop_database("malformed")
