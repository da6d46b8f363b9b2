"""What every part of a deployment guide has in common: a typo must hurt."""

import math
import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, WithJsonSchema


class GuideModel(
    BaseModel, frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True
):
    """A part of a guide. An unknown field is an error here, but is dropped in a message."""


def parse_share(value: Any) -> float:
    """Read `10%` or `0.1` as 0.1.

    Raises:
        ValueError: It is neither, or is negative.
    """
    if isinstance(value, str) and (found := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", value)):
        return float(found.group(1)) / 100
    number = float(value) if type(value) in (int, float) else math.nan
    if 0 <= number < math.inf:
        return number
    raise ValueError(f"{value!r} is not a share; write for example 10% or 0.1")


Share = Annotated[
    float,
    BeforeValidator(parse_share),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string"}, {"type": "number", "minimum": 0}],
            "description": "A share: 10% or 0.1.",
        }
    ),
]

Argv = Annotated[
    tuple[str, ...],
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "string"},
            "minItems": 1,
            "description": "A command as a list of arguments; no shell reads it.",
        }
    ),
]


def exactly_one(part: BaseModel, *names: str) -> str:
    """Return which one of these fields is set.

    Raises:
        ValueError: None is, or more than one.
    """
    given = [n for n in names if getattr(part, n) is not None]
    if len(given) != 1:
        wanted = ", ".join(names)
        said = " and ".join(given) if given else "none"
        raise ValueError(f"exactly one of {wanted} is needed here; found {said}")
    return given[0]
