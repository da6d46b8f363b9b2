"""The real Alembic: the commands that we would run, and what it prints to them."""

import io
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import asyncpg
import pytest
from alembic.config import main

from goaround_migrating import Fit, Kind, classify, classify_revert, difference, fingerprint
from goaround_migrating.tools import BASE, Alembic, alembic_scripts, revisions_at, way_back

ENVIRONMENT = """
from alembic import context
from sqlalchemy import create_engine

if context.is_offline_mode():
    context.configure(url="postgresql://", literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    state = context.config.get_main_option("state")
    with create_engine(f"sqlite:///{state}").begin() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
"""
FIRST = '''"""Orders -- with -> odd words

-- Running upgrade a -> b
"""
revision, down_revision = "a1", None
import sqlalchemy as sa
from alembic import op

def upgrade():
    op.create_table("orders", sa.Column("id", sa.Integer, primary_key=True))

def downgrade():
    op.drop_table("orders")
'''
SECOND = '''"""A note."""
revision, down_revision = "b2", "a1"
import sqlalchemy as sa
from alembic import op

def upgrade():
    op.add_column("orders", sa.Column("note", sa.String(10)))
    op.create_index("orders_note", "orders", ["note"])

def downgrade():
    op.drop_column("orders", "note")
'''
ASKING = '''"""Asks the database as it runs."""
revision, down_revision = "c3", "b2"
from alembic import op
from sqlalchemy import text

def upgrade():
    for row in op.get_bind().execute(text("SELECT id FROM orders")):
        op.execute(f"UPDATE orders SET note = 'x' WHERE id = {row.id}")

def downgrade():
    pass
'''


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("alembic")
    ini = f"[alembic]\nscript_location = %(here)s\npath_separator = os\nstate = {home}/state.db\n"
    (home / "alembic.ini").write_text(ini)
    (home / "env.py").write_text(ENVIRONMENT)
    (home / "versions").mkdir()
    (home / "versions" / "a.py").write_text(FIRST)
    (home / "versions" / "b.py").write_text(SECOND)
    return home


def tool(home: Path) -> Alembic:
    return Alembic((sys.executable, "-m", "alembic", "-c", str(home / "alembic.ini")))


def printed(argv: tuple[str, ...]) -> str:
    """What the command prints: the real Alembic, in this process, where it is loaded once."""
    said = io.StringIO()
    with redirect_stdout(said):
        main(argv[3:], prog="alembic")
    return said.getvalue()


def test_it_says_where_a_database_is(home: Path) -> None:
    alembic = tool(home)
    printed((*alembic.program, "upgrade", "a1"))
    done = subprocess.run(alembic.current(), capture_output=True, text=True, check=True)
    assert revisions_at(done.stdout) == ("a1",)
    assert revisions_at("") == ()
    assert revisions_at("a1\nb2 (head) (mergepoint)\n") == ("a1", "b2")
    assert revisions_at("INFO  [alembic.runtime.migration] Context impl SQLiteImpl.\n") == ()


def test_what_is_pending_is_told_with_its_sql_and_its_way_back(home: Path) -> None:
    alembic = tool(home)
    up = printed(alembic.upgrade(BASE))
    down = printed(alembic.downgrade("b2", BASE))
    first, second = alembic_scripts(up, down)
    assert (first.version, second.version) == ("a1", "b2")
    assert first.up.startswith("CREATE TABLE orders")
    assert classify(first.up + second.up).kind is Kind.ADDITIVE
    assert classify(first.up + second.up).fit is Fit.COMPATIBLE
    assert second.down is not None
    assert classify_revert(second.up, second.down).lost == (
        "line 1: drops column orders.note with every value in it",
    )
    assert [s.version for s in alembic_scripts(printed(alembic.upgrade("a1")))] == ["b2"]
    assert alembic_scripts(printed(alembic.upgrade("b2"))) == ()
    assert way_back(alembic_scripts(up)) is None


def test_a_revision_that_asks_the_database_ends_the_command_with_an_error(home: Path) -> None:
    asking = home / "versions" / "c.py"
    before = printed(tool(home).upgrade(BASE))
    asking.write_text(ASKING)
    try:
        command = tool(home).upgrade(BASE)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    finally:
        asking.unlink()
    assert done.returncode != 0
    # What comes before it is printed all the same: only the exit code says that there is more.
    assert alembic_scripts(done.stdout)[0] == alembic_scripts(before)[0]


def test_what_is_no_output_of_alembic_tells_no_revision() -> None:
    assert alembic_scripts("", "") == ()
    assert alembic_scripts("Traceback (most recent call last):\n -- Running upgrade a -> b") == ()


def test_a_merge_of_branches_is_one_revision() -> None:
    up = "-- Running upgrade b2, c3 -> d4\n\nCREATE TABLE d ();\n"
    down = "-- Running downgrade d4 -> b2, c3\n\nDROP TABLE d;\n"
    (found,) = alembic_scripts(up, down)
    assert (found.version, found.up, found.down) == ("d4", "CREATE TABLE d ();", "DROP TABLE d;")


@pytest.mark.system
async def test_the_sql_that_it_prints_moves_a_real_database_there_and_back(
    home: Path, database: str
) -> None:
    alembic = tool(home)
    up, down = alembic.upgrade(BASE), alembic.downgrade("b2", "a1")
    start = await fingerprint(database)
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(printed(alembic.upgrade(BASE, "a1")))
        at_first = await fingerprint(connection)
        await connection.execute(printed(alembic.upgrade("a1")))
        there = await fingerprint(connection)
        await connection.execute(printed(down))
        back = await fingerprint(connection)
    finally:
        await connection.close()
    assert back == at_first != start
    assert difference(there, back) == (
        "column orders.note is missing",
        "index orders_note is missing",
    )
    assert up[-2:] == ("base:head", "--sql")
