"""The queries of `queries.sql`, by name, with the parts that several have in common put in."""

import re
from functools import cache
from importlib.resources import files

_NAMED = re.compile(r"^-- (name|part): (\w+)\n", re.M)
_PART = re.compile(r"\{(\w+)\}")


@cache
def queries() -> dict[str, str]:
    """Return each query's text by its name."""
    text = (files(__package__ or __name__) / "queries.sql").read_text()
    _, *pieces = _NAMED.split(text)
    named = list(zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True))
    parts = {name: _uncommented(body) for kind, name, body in named if kind == "part"}
    return {
        name: _PART.sub(lambda found: parts[found[1]], body.strip())
        for kind, name, body in named
        if kind == "name"
    }


def _uncommented(body: str) -> str:
    return "\n".join(line for line in body.strip().splitlines() if not line.startswith("--"))
