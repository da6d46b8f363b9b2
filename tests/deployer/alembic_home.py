"""A small Alembic environment in a folder, which finds its database in DATABASE_URL."""

from __future__ import annotations

import sys
from pathlib import Path

from goaround_schemas.guide.step import Migrations

ENVIRONMENT = """
import os
from alembic import context
from sqlalchemy import create_engine

url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")
if context.is_offline_mode():
    context.configure(url=url, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    with create_engine(url).connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
"""
REVISION = '''"""{name}."""
revision, down_revision = "{revision}", {before!r}
from alembic import op

def upgrade():
    {up}

def downgrade():
    {down}
'''
ORDERS = ("a1", "op.execute('CREATE TABLE orders (id int)')", "op.execute('DROP TABLE orders')")
NOTE = (
    "b2",
    "op.execute('ALTER TABLE orders ADD COLUMN note text')",
    "op.execute('ALTER TABLE orders DROP COLUMN note')",
)
UNTOLD = ("c3", "op.execute('CREATE INDEX orders_note ON orders (note)')", "raise ValueError('no')")


def build(home: Path, *revisions: tuple[str, str, str]) -> Migrations:
    """Write an environment with these revisions (name, up, down), and return what a guide says."""
    (home / "versions").mkdir(parents=True)
    (home / "alembic.ini").write_text(
        "[alembic]\nscript_location = %(here)s\npath_separator = os\n"
    )
    (home / "env.py").write_text(ENVIRONMENT)
    add(home, *revisions)
    return Migrations.model_validate(
        {
            "alembic": {"program": [sys.executable, "-m", "alembic"]},
            "database": "${env:SHOP_DB}",
            "database_env": "DATABASE_URL",
            "dir": str(home),
        }
    )


def add(home: Path, *revisions: tuple[str, str, str]) -> None:
    """Write further revisions, each upon the one before it."""
    written = sorted(path.stem for path in (home / "versions").glob("*.py"))
    before = written[-1] if written else None
    for revision, up, down in revisions:
        text = REVISION.format(
            name=f"Revision {revision}", revision=revision, before=before, up=up, down=down
        )
        (home / "versions" / f"{revision}.py").write_text(text)
        before = revision
