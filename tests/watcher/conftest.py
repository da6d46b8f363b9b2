"""A provider, and the way to ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from goaround_watcher.sources.http import Http
from tests.watcher.provider import Provider, provider, web


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    async with web() as it:
        yield it


@pytest.fixture
async def server() -> AsyncIterator[Provider]:
    async with provider() as it:
        yield it
