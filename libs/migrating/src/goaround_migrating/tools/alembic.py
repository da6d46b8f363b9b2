"""Alembic's revisions without a database: which commands to run, and how to read what they print.

Pure: whoever calls runs the commands. The SQL is Alembic's own (`--sql`, its offline mode): a
revision that asks the database as it runs cannot be told that way, and Alembic then ends with an
error; one that does something else offline (`is_offline_mode`) would not be told truly.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from goaround_migrating.tools.script import Script

BASE = "base"
"""Alembic's word for a database without any revision."""
_HEADING = re.compile(
    r"^-- Running (?P<way>upgrade|downgrade) (?P<before>[\w, ]*) -> (?P<after>[\w, ]*)$",
    re.MULTILINE,
)
_CURRENT = re.compile(r"^(?P<revision>\w+)(?: \([\w ]+\))*$", re.MULTILINE)


@dataclass(frozen=True)
class Alembic:
    """The commands of one Alembic environment."""

    program: tuple[str, ...] = ("alembic",)
    """How it is started: `("alembic", "-c", "deploy/alembic.ini")`."""

    def current(self) -> tuple[str, ...]:
        """Return the command that says which revisions the database has. It needs the database."""
        return (*self.program, "current")

    def upgrade(self, applied: str, to: str = "head") -> tuple[str, ...]:
        """Return the command that prints the SQL of what is pending after `applied`."""
        return (*self.program, "upgrade", f"{applied}:{to}", "--sql")

    def downgrade(self, applied: str, to: str) -> tuple[str, ...]:
        """Return the command that prints the SQL of the way back from `applied` to `to`."""
        return (*self.program, "downgrade", f"{applied}:{to}", "--sql")


def revisions_at(printed: str) -> tuple[str, ...]:
    """Read what `current` printed: none for an empty database, several where there are branches."""
    return tuple(found["revision"] for found in _CURRENT.finditer(printed))


def scripts(upgraded: str, downgraded: str = "") -> tuple[Script, ...]:
    """Read what `upgrade --sql` printed, in the order in which it is applied, with its ways back.

    `downgraded` is what `downgrade --sql` printed for the same revisions; without it, or where it
    lacks one, the revision has no way back here.
    """
    ups, downs = _sections(upgraded, "upgrade"), _sections(downgraded, "downgrade")
    return tuple(
        Script(version=version, up=sql, down=downs.get(version)) for version, sql in ups.items()
    )


def _sections(printed: str, way: str) -> Mapping[str, str]:
    """Split what was printed at its headings; a revision is the one that comes or goes."""
    headings = [h for h in _HEADING.finditer(printed) if h["way"] == way]
    ends = [h.start() for h in headings[1:]] + [len(printed)]
    # One end too many where there is no heading.
    return {
        h["after" if way == "upgrade" else "before"].strip(): printed[h.end() : end].strip("\n")
        for h, end in zip(headings, ends, strict=False)
    }
