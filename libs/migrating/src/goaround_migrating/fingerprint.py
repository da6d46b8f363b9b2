"""What a schema is, told so that two databases of the same schema tell the same: pure values.

The order of a table's columns is told and does not count. PostgreSQL cannot put a column back
between others: a revert that re-adds one would never be the same again, although only a query
that names no columns could tell the difference. `moved` tells that difference.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict

Properties = dict[str, Any]
"""What describes an object, by words: JSON values."""

_ORDER = "columns"
_DIGEST_LETTERS = 16
"""64 bits: by accident two schemas share one once in 10^19 pairs; nobody forges them here."""


class Fingerprint(BaseModel):
    """A schema, object by object, with its digest."""

    model_config = ConfigDict(frozen=True)

    objects: dict[str, dict[str, Properties]]
    """Kind to full name to what describes the object."""
    order: dict[str, tuple[str, ...]] = {}
    """Each table's columns from left to right."""

    @classmethod
    def of(cls, objects: Mapping[str, Mapping[str, Properties]]) -> "Fingerprint":
        """Return the fingerprint of a catalogue's objects, in whatever order they come."""
        order: dict[str, tuple[str, ...]] = {}
        told: dict[str, dict[str, Properties]] = {}
        for kind, named in sorted(objects.items()):
            told[kind] = {}
            for name, properties in sorted(named.items()):
                kept = dict(sorted(properties.items()))
                if kind.endswith("table"):
                    order[name] = tuple(kept.pop(_ORDER, None) or ())
                told[kind][name] = kept
        return cls(objects=told, order=order)

    @cached_property
    def digest(self) -> str:
        """16 letters that are the same for the same schema."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()[:_DIGEST_LETTERS]

    def canonical(self) -> str:
        """Return all that counts as JSON, in one spelling: what the digest is taken of."""
        return json.dumps(self.objects, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    def column_types(self) -> dict[str, str]:
        """Return each column's type, as `classify` takes them: `orders.note` to `text`."""
        return {
            name.removeprefix("public.").replace('"', ""): str(told["type"])
            for name, told in self.objects.get("column", {}).items()
        }
