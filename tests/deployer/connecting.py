"""Requests as a deployer sends them."""

from __future__ import annotations

from functools import cache

from goaround_deployer.steps.http import HttpRequests, one_connection_each, trust


@cache
def requests() -> HttpRequests:
    """What sends them; it keeps nothing, so one is enough for all tests."""
    return HttpRequests(one_connection_each(trust()))
