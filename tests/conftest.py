"""Real servers for every test that wants one: each worker has its own, none outlives it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings

from goaround.embedded import EmbeddedNats, EmbeddedPostgres
from goaround.local import LocalSystem

_numbers = itertools.count(1)

# How long an example takes says more about the machine's other work than about the code.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give all that wants the whole system to one worker: another would start one more for it.

    The largest group is begun first, so that this one is over long before the rest.
    """
    for item in items:
        if "local_system" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("local_system"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL server for throwaway data."""
    with TemporaryDirectory(prefix="goaround-test-") as root:
        server = EmbeddedPostgres(Path(root), durable=False, die_with_parent=True)
        try:
            server.start()
            yield server
        finally:
            server.erase()


@pytest.fixture
def database(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The URL of a fresh, empty database, gone after the test."""
    name = f"test_{next(_numbers)}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture(scope="session")
def nats_server() -> Iterator[EmbeddedNats]:
    """An open NATS server that keeps what it is given until the session ends."""
    with TemporaryDirectory(prefix="goaround-test-") as root:
        server = EmbeddedNats(Path(root), sync="2m", die_with_parent=True)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@pytest.fixture
def nats_url(nats_server: EmbeddedNats) -> str:
    """The URL of the session's NATS server: tests share its streams and tell them apart by name."""
    return nats_server.url


@pytest.fixture
def fresh_nats_url() -> Iterator[str]:
    """The URL of an empty NATS server of the test's own (30 ms)."""
    with (
        TemporaryDirectory(prefix="goaround-test-") as root,
        EmbeddedNats(Path(root), sync="2m", die_with_parent=True) as server,
    ):
        yield server.url


@pytest.fixture(scope="session")
def local_system() -> Iterator[LocalSystem]:
    """The whole system, of one worker; tests tell themselves apart by service name.

    Every service is a process of its own. Its database is durable: some tests kill it.
    """
    with TemporaryDirectory(prefix="goaround-test-") as folder:
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
            yield system
        finally:
            system.stop()
            system.servers.erase()
