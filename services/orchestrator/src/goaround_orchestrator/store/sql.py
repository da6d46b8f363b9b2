"""The queries of `queries.sql`, by name."""

import re
from functools import cache
from importlib.resources import files

_NAMED = re.compile(r"^-- name: (\w+)\n", re.M)


@cache
def queries() -> dict[str, str]:
    """Return each query's text by its name."""
    text = (files(__package__ or __name__) / "queries.sql").read_text()
    parts = _NAMED.split(text)[1:]
    return {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}
