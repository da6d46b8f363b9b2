"""How an old message becomes a current one: one step a version, plain dict to plain dict."""

from collections.abc import Callable, Mapping
from typing import Any

Upcast = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTS: dict[tuple[str, int], Upcast] = {}
"""`(name, version)` to a function from that version's data to the next one's."""


def lift(
    data: Any, name: str, version: int, current: int, upcasts: Mapping[tuple[str, int], Upcast]
) -> Any:
    """Return the data of an old version as that of the current one, one version at a time.

    Raises:
        LookupError: A step is missing, or the data is not what its version promises.
    """
    for step in range(version, current):
        data = upcasts[name, step](data)
    return data
