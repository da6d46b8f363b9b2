"""How an old message becomes a current one: one step a version, plain dict to plain dict."""

from collections.abc import Callable
from typing import Any

Upcast = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTS: dict[tuple[str, int], Upcast] = {}
"""`(name, version)` to a function from that version's data to the next one's."""
