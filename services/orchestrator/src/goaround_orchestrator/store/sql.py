"""The queries of `queries.sql`, by name, with the parts that several have in common put in.

A part may hold parts that stand before it.
"""

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
    parts: dict[str, str] = {}
    whole: dict[str, str] = {}
    for kind, name, body in named:
        filled = _PART.sub(lambda found: parts[found[1]], body.strip())
        if kind == "part":
            parts[name] = _uncommented(filled)
        else:
            whole[name] = filled
    return whole


def _uncommented(body: str) -> str:
    return "\n".join(line for line in body.strip().splitlines() if not line.startswith("--"))
