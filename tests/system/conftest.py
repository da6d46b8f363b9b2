"""One real system for all the tests of this folder; they tell themselves apart by service name."""

from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from goaround.local import LocalSystem
from tests.system.ground import Ground, Wire, wired


@pytest.fixture(scope="session")
def ground() -> Generator[Ground]:
    """Every service as its own process, on embedded servers with one user for each."""
    with TemporaryDirectory(prefix="goaround-system-") as folder:
        root = Path(folder)
        for name in ("guides", "workspace"):
            (root / name).mkdir()
        system = LocalSystem(
            root / "system",
            root / "guides",
            root / "workspace",
            sync="2m",
            die_with_parent=True,
            settings={"deployer": {"LEASE_S": "3", "LEASE_BEAT_S": "0.5"}},
        )
        try:
            system.start()
            yield Ground(system)
        finally:
            system.stop()
            system.servers.erase()


@pytest.fixture
async def wire(ground: Ground) -> AsyncGenerator[Wire]:
    """The bus as any tool sees it."""
    async with wired(ground.system) as connected:
        yield connected
