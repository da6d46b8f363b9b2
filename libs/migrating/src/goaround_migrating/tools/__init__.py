"""The tools that keep and apply migrations, as far as files and words go. They run nothing."""

from goaround_migrating.tools.alembic import BASE, Alembic, revisions_at
from goaround_migrating.tools.alembic import scripts as alembic_scripts
from goaround_migrating.tools.files import LAYOUTS, Flyway, Marked, Pairs, dbmate, goose
from goaround_migrating.tools.script import (
    Layout,
    LayoutError,
    Pending,
    Script,
    is_version,
    order_of,
    pending,
    up_to,
    way_back,
)

__all__ = [
    "BASE",
    "LAYOUTS",
    "Alembic",
    "Flyway",
    "Layout",
    "LayoutError",
    "Marked",
    "Pairs",
    "Pending",
    "Script",
    "alembic_scripts",
    "dbmate",
    "goose",
    "is_version",
    "order_of",
    "pending",
    "revisions_at",
    "up_to",
    "way_back",
]
