"""Migrations tried on a scratch copy of the schema: up, down, and up again.

It is about the form of a schema. No row of a service is ever read, so that what a migration does
to rows, and how long it takes with them, is not told here.
"""

from goaround_migrating.rehearsing.port import Rehearsed, Smoke, Tool, ToolFailed
from goaround_migrating.rehearsing.rehearsal import rehearse

__all__ = ["Rehearsed", "Smoke", "Tool", "ToolFailed", "rehearse"]
