"""Requests as a deployer sends them."""

from __future__ import annotations

from functools import cache

from goaround_deployer.steps.connection import OwnConnection, trust
from goaround_deployer.steps.http import HttpRequests


@cache
def requests() -> HttpRequests:
    """What sends them; it keeps nothing, so one is enough for all tests."""
    return HttpRequests(OwnConnection(trust()))
