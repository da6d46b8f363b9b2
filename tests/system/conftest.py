"""The worker's real system, as the tests of this folder use it."""

from collections.abc import AsyncGenerator

import pytest

from goaround.local import LocalSystem
from tests.system.ground import Ground, Wire, wired


@pytest.fixture(scope="session")
def ground(local_system: LocalSystem) -> Ground:
    """The system, its guides, and the effects that steps have had."""
    return Ground(local_system)


@pytest.fixture
async def wire(ground: Ground) -> AsyncGenerator[Wire]:
    """The bus as any tool sees it."""
    async with wired(ground.system) as connected:
        yield connected
