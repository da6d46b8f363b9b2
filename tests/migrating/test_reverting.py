"""A down beside its up: what it takes back, what it forgets, and what it throws away."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goaround_migrating import Kind, Revert, classify_revert
from tests.migrating.corpus import CORPUS, Case
from tests.migrating.corpus import TYPES as CORPUS_TYPES

TYPES = {"orders.note": "varchar(10)", "orders.quantity": "integer", "orders.id": "bigint"}
REVERSIBLE, LOSSY, IRREVERSIBLE, UNKNOWN = list(Kind)[1:]


class Pair(NamedTuple):
    up: str
    down: str
    kind: Kind
    told: tuple[str, ...] = ()


PAIRS = (
    Pair("ALTER TABLE orders ADD COLUMN reason text", "ALTER TABLE orders DROP COLUMN reason",
         LOSSY, ("drops column orders.reason with every value",)),
    Pair("CREATE TABLE parcels (id int)", "DROP TABLE parcels", LOSSY, ("drops table parcels",)),
    Pair("CREATE INDEX i ON orders (note)", "DROP INDEX i", REVERSIBLE),
    Pair("CREATE INDEX ON orders (note)", "DROP INDEX public.orders_note_idx", REVERSIBLE),
    Pair("ALTER TABLE orders ADD CHECK (note <> '')",
         "ALTER TABLE orders DROP CONSTRAINT orders_note_check", REVERSIBLE),
    Pair("ALTER TABLE orders ADD FOREIGN KEY (buyer) REFERENCES buyers",
         "ALTER TABLE orders DROP CONSTRAINT orders_buyer_fkey", REVERSIBLE),
    Pair("ALTER TABLE orders ADD COLUMN gross numeric GENERATED ALWAYS AS (total * 1.2) STORED",
         "ALTER TABLE orders DROP COLUMN gross", REVERSIBLE),
    Pair("ALTER TABLE orders ADD COLUMN gross numeric GENERATED ALWAYS AS (total * 1.2) STORED",
         "ALTER TABLE orders DROP COLUMN gross CASCADE", LOSSY, ("depends on it",)),
    Pair("CREATE VIEW v AS SELECT 1", "DROP VIEW v CASCADE", LOSSY, ("CASCADE",)),
    Pair("ALTER TABLE orders DROP COLUMN note", "ALTER TABLE orders ADD COLUMN note varchar(10)",
         LOSSY, ("column orders.note comes back without what it held",)),
    Pair("ALTER TABLE orders DROP COLUMN note",
         "ALTER TABLE orders ADD COLUMN note varchar(10); CREATE INDEX n ON orders (note); "
         "ALTER TABLE orders ALTER note SET NOT NULL", LOSSY, ("comes back without",)),
    Pair("ALTER TABLE orders ADD COLUMN a int; CREATE INDEX a ON orders (a, b)",
         "ALTER TABLE orders DROP COLUMN a", LOSSY, ("column orders.a",)),
    Pair("CREATE TABLE parcels (id int); CREATE INDEX p ON parcels (id); GRANT ALL ON parcels TO x",
         "DROP TABLE parcels", LOSSY, ("table parcels",)),
    Pair("ALTER TABLE orders RENAME TO purchases", "ALTER TABLE purchases RENAME TO orders",
         REVERSIBLE),
    Pair("ALTER TABLE orders RENAME note TO remark", "ALTER TABLE orders RENAME remark TO note",
         REVERSIBLE),
    Pair("ALTER TABLE orders RENAME TO purchases; CREATE INDEX i ON purchases (note)",
         "ALTER TABLE purchases RENAME TO orders; DROP INDEX i", REVERSIBLE),
    Pair("ALTER TABLE orders ADD CHECK (id > 0); ALTER TABLE orders RENAME TO purchases",
         "ALTER TABLE purchases RENAME TO orders; "
         "ALTER TABLE orders DROP CONSTRAINT orders_id_check", REVERSIBLE),
    Pair("ALTER TABLE orders RENAME TO a; ALTER TABLE a RENAME TO b",
         "ALTER TABLE b RENAME TO orders", REVERSIBLE),
    Pair("ALTER TABLE orders ADD a int; ALTER TABLE orders RENAME a TO b",
         "ALTER TABLE orders DROP b", LOSSY, ("column orders.b",)),
    Pair("CREATE TABLE passing (id int); DROP TABLE passing", "SELECT 1", REVERSIBLE),
    Pair("ALTER TABLE orders ALTER note TYPE varchar(20)",
         "ALTER TABLE orders ALTER note TYPE varchar(10)", LOSSY, ("shrinks from 20 to 10",)),
    Pair("ALTER TABLE orders ALTER quantity TYPE bigint",
         "ALTER TABLE orders ALTER quantity TYPE integer", LOSSY, ("do not fit into integer",)),
    Pair("ALTER TABLE orders ALTER id TYPE integer", "ALTER TABLE orders ALTER id TYPE bigint",
         LOSSY, ("the up, line 1", "do not fit into integer")),
    Pair("ALTER TABLE orders ALTER note SET NOT NULL",
         "ALTER TABLE orders ALTER note DROP NOT NULL",
         REVERSIBLE),
    Pair("ALTER TABLE orders ALTER note SET NOT NULL",
         "ALTER TABLE orders ALTER note SET NOT NULL",
         IRREVERSIBLE, ("does not change back column orders.note: its not null",)),
    Pair("CREATE OR REPLACE VIEW v AS SELECT 1",
         "CREATE OR REPLACE VIEW v AS SELECT 2", REVERSIBLE),
    Pair("CREATE OR REPLACE VIEW v AS SELECT 1", "DROP VIEW v",
         UNKNOWN, ("whether it was there before",)),
    Pair("CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql RETURN a", "DROP FUNCTION f",
         REVERSIBLE),
    Pair("CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql RETURN a", "DROP FUNCTION f(text)",
         IRREVERSIBLE, ("does not drop function f(integer)", "drops function f(text)")),
    Pair("ALTER TYPE mood ADD VALUE 'x'", "SELECT 1",
         IRREVERSIBLE, ("does not change back type mood: its values",)),
    Pair("ALTER TABLE orders ADD COLUMN a int, ADD COLUMN b int",
         "ALTER TABLE orders DROP COLUMN a",
         IRREVERSIBLE, ("does not drop column orders.b, which the up added",)),
    Pair("CREATE INDEX i ON orders (note)", "DROP INDEX i; DROP TABLE audit",
         IRREVERSIBLE, ("drops table audit, which the up did not add",)),
    Pair("CREATE INDEX i ON orders (note)", "", IRREVERSIBLE, ("does not drop index i",)),
    Pair("DROP INDEX i", "CREATE INDEX i ON orders (note)", REVERSIBLE),
    Pair("DROP INDEX i", "CREATE INDEX j ON orders (note)",
         IRREVERSIBLE, ("does not put back index i", "adds index j")),
    Pair("ALTER TABLE orders RENAME TO purchases", "ALTER TABLE purchases RENAME TO order",
         UNKNOWN, ("does not read it",)),
    Pair("ALTER TABLE orders RENAME TO purchases", "ALTER TABLE purchases RENAME TO sales",
         IRREVERSIBLE, ("does not rename table purchases back to orders",)),
    Pair("INSERT INTO states VALUES ('a')", "DELETE FROM states WHERE code = 'a'",
         LOSSY, ("deletes rows of table states",)),
    Pair("INSERT INTO states VALUES ('a')", "SELECT 1",
         LOSSY, ("rows that it added to table states stay",)),
    Pair("UPDATE orders SET note = ''", "SELECT 1", LOSSY, ("writes over orders.note",)),
    Pair("DO $$ $$", "SELECT 1", UNKNOWN, ("the up, line 1: a DO block",)),
    Pair("CREATE INDEX i ON orders (note)", "SELECT undo()",
         UNKNOWN, ("the down, line 1", "undo()")),
    Pair("ALTER TABLE orders ENABLE ROW LEVEL SECURITY; ALTER TABLE orders SET (fillfactor = 70)",
         "ALTER TABLE orders RESET (fillfactor); ALTER TABLE orders DISABLE ROW LEVEL SECURITY",
         REVERSIBLE),
    Pair("ALTER TABLE orders ENABLE ROW LEVEL SECURITY", "ALTER TABLE orders SET UNLOGGED",
         IRREVERSIBLE, ("does not change back table orders: its row level security",)),
    Pair("CREATE UNIQUE INDEX CONCURRENTLY i ON orders (note); "
         "ALTER TABLE orders ADD CONSTRAINT c UNIQUE USING INDEX i",
         "ALTER TABLE orders DROP CONSTRAINT c", REVERSIBLE),
    Pair("CREATE SCHEMA audit; CREATE TABLE audit.seen (id int); CREATE INDEX i ON audit.seen (id)",
         "DROP SCHEMA audit CASCADE", LOSSY, ("drops schema audit",)),
    Pair("ALTER TABLE m ATTACH PARTITION m1 DEFAULT", "ALTER TABLE m DETACH PARTITION m1",
         REVERSIBLE),
    Pair("GRANT SELECT ON orders TO x", "REVOKE SELECT ON orders FROM x", REVERSIBLE),
    Pair("UPDATE alembic_version SET version_num = 'b'",
         "UPDATE alembic_version SET version_num = 'a'", REVERSIBLE),
)  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: f"{p.up[:40]} | {p.down[:40]}")
def test_a_down_is_judged_by_what_its_up_did(pair: Pair) -> None:
    found = classify_revert(pair.up, pair.down, types=TYPES)
    assert found.kind is pair.kind, found
    told = "\n".join(found.reasons)
    assert [words for words in pair.told if words not in told] == []
    assert bool(told) == (pair.kind is not REVERSIBLE)
    assert found.is_inverse == (pair.kind in (REVERSIBLE, LOSSY))


def test_every_fault_is_told_and_the_gravest_comes_first() -> None:
    found = classify_revert(
        "ALTER TABLE orders ADD COLUMN a int, DROP COLUMN note; CREATE INDEX i ON orders (id)",
        "ALTER TABLE orders DROP COLUMN a, ADD COLUMN note text; DO $$ $$; DROP INDEX j",
        types=TYPES,
    )
    assert found == Revert(
        kind=Kind.UNKNOWN,
        unclear=("the down, line 1: a DO block runs a program: what it changes is not told by its "
                 "text",),
        missing=("does not drop index i, which the up added",),
        extra=("drops index j, which the up did not add",),
        lost=("line 1: drops column orders.a with every value in it; adds column orders.note",),
        not_restored=("column orders.note comes back without what it held",),
    )  # fmt: skip
    assert found.reasons[0].startswith("the down")


@given(st.lists(st.sampled_from(CORPUS), max_size=3), st.lists(st.sampled_from(CORPUS), max_size=3))
def test_a_down_that_destroys_is_never_called_harmless(ups: list[Case], downs: list[Case]) -> None:
    up, down = (";\n".join(case.sql for case in cases) for cases in (ups, downs))
    if not all(case.kind.can_be_undone for case in downs):
        assert classify_revert(up, down, types=CORPUS_TYPES).kind is not REVERSIBLE


@given(st.text(), st.text())
def test_garbage_is_never_taken_for_a_way_back(up: str, down: str) -> None:
    assert classify_revert("CREATE INDEX i ON orders (id);" + up, down).kind is not REVERSIBLE
