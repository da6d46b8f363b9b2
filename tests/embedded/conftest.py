"""Clusters of the embedded tests' own: made once, started by each test as it needs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from goaround.embedded import EmbeddedServers


@pytest.fixture
def open_root() -> Iterator[Path]:
    """An empty directory that any account may pass through."""
    with TemporaryDirectory(prefix="goaround-test-") as root:
        Path(root).chmod(0o711)
        yield Path(root)


@pytest.fixture(scope="session")
def kept_root() -> Iterator[Path]:
    """A directory with servers in it that were started once and stopped."""
    with TemporaryDirectory(prefix="goaround-test-") as root:
        Path(root).chmod(0o711)
        servers = EmbeddedServers(Path(root), die_with_parent=True)
        servers.start()
        servers.stop()
        yield Path(root)
        servers.erase()
