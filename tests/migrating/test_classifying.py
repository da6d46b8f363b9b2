"""A migration as a whole: its statements, their places, and what the text around them changes."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from goaround_migrating import Blocks, Fit, Kind, classify
from tests.migrating.corpus import CORPUS, TYPES

SQL = [case.sql for case in CORPUS if not case.sql.startswith("\\")]
statements = st.sampled_from(SQL)
noise = st.sampled_from(
    [
        "",
        " ",
        "\n\n",
        "\t",
        ";",
        " ; ;\n",
        "-- drop table a;\n",
        "/* DROP TABLE a; /* b */ */",
        "\r\n",
    ]
)


def kinds(sql: str) -> list[Kind]:
    return [s.kind for s in classify(sql, types=TYPES).statements]


@given(st.lists(st.tuples(noise, statements, noise), min_size=1, max_size=5))
def test_comments_white_space_and_semicolons_change_no_kind(
    parts: list[tuple[str, str, str]],
) -> None:
    noisy = ";".join(before + sql + "\n" + after for before, sql, after in parts)
    plain = ";\n".join(sql for _, sql, _ in parts)
    assert kinds(noisy) == kinds(plain)


@given(st.lists(statements, min_size=1, max_size=4))
def test_a_transaction_around_it_changes_no_kind(parts: list[str]) -> None:
    plain = ";\n".join(parts)
    assert (
        classify(f"BEGIN;\n{plain};\nCOMMIT;", types=TYPES).kind
        is classify(plain, types=TYPES).kind
    )


@given(st.lists(statements, max_size=5))
def test_the_worst_of_its_statements_is_the_whole(parts: list[str]) -> None:
    found = classify(";\n".join(parts), types=TYPES)
    order = list(Kind)
    worst = max((order.index(s.kind) for s in found.statements), default=0)
    assert found.kind is order[worst]
    assert all(found.kind.value in (s.kind.value for s in found.statements) for _ in parts[:1])
    assert len(found.reasons) == sum(s.kind is found.kind for s in found.statements)


@given(st.text() | st.text(alphabet="'\"$;\\-/*()\n\0 aDROPTABLEselect1", max_size=60))
@example("\ud800")
@example("SELECT 1;\0DROP TABLE orders")
@example("select " + "(" * 20_000 + "1" + ")" * 20_000)
@example("SELECT " + "-" * 5 + "\n" + "1 + " * 6_000 + "1")
@example("$$")
@example("COPY orders FROM stdin;\n1\t'\n")
def test_garbage_is_never_more_than_unknown(garbage: str) -> None:
    found = classify(garbage)
    assert all(s.reason for s in found.statements)
    assert all(s.line >= 1 for s in found.statements)


@given(st.text(alphabet="xyz ;\n", min_size=1).filter(lambda text: text.strip(" ;\n")))
def test_what_is_no_sql_is_unknown(words: str) -> None:
    assert classify(words).kind is Kind.UNKNOWN


def test_what_hides_behind_a_nul_byte_is_not_passed_over() -> None:
    found = classify("SELECT 1;\0DROP TABLE orders")
    assert found.kind is Kind.UNKNOWN
    assert "NUL" in found.reasons[0]


def test_a_migration_of_comments_alone_does_nothing() -> None:
    found = classify("-- nothing to do\n/* DROP TABLE orders; */\n;")
    assert found.statements == ()
    assert (found.kind, found.fit, found.blocks) == (
        Kind.ADDITIVE,
        Fit.COMPATIBLE,
        Blocks.NOBODY,
    )


def test_each_statement_knows_the_line_on_which_it_begins() -> None:
    text = (
        "-- é: first\nCREATE TABLE é (\n  id int\n);\n\n\n  DROP TABLE b; /* x\n */ DROP TABLE c;"
    )
    assert [(s.line, s.sql) for s in classify(text).statements] == [
        (2, "CREATE TABLE é (\n  id int\n)"),
        (7, "DROP TABLE b"),
        (8, "DROP TABLE c"),
    ]
    assert classify(text).reasons == (
        "line 7: drops table b with every row in it",
        "line 8: drops table c with every row in it",
    )


def test_one_strange_statement_does_not_hide_its_neighbours() -> None:
    found = classify("CREATE TABLE a (id int);\nCREATE TABEL b ();\nDROP TABLE c;\n\\echo done\n")
    assert [(s.line, s.kind) for s in found.statements] == [
        (1, Kind.ADDITIVE),
        (2, Kind.UNKNOWN),
        (3, Kind.LOSSY),
        (4, Kind.UNKNOWN),
    ]
    assert found.statements[1].reason == (
        'PostgreSQL does not read it: syntax error at or near "TABEL" (line 2)'
    )


def test_a_backslash_in_a_string_is_no_command_of_psql() -> None:
    found = classify("INSERT INTO a VALUES (E'\n\\connect b');\nSELECT 1 FROM;\n")
    assert [s.line for s in found.statements] == [1, 3]
    assert found.statements[0].kind is Kind.REVERSIBLE


def test_a_routine_with_statements_in_it_is_one_statement_beside_what_cannot_be_read() -> None:
    body = "BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; DELETE FROM a; END"
    found = classify(f"garbage;\nCREATE PROCEDURE p() LANGUAGE sql {body};\nDROP TABLE b")
    assert [s.kind for s in found.statements] == [Kind.UNKNOWN, Kind.ADDITIVE, Kind.LOSSY]


def test_rows_given_to_copy_in_the_file_are_no_statements() -> None:
    found = classify("COPY a (b) FROM stdin;\n1;DROP TABLE c;\n'\n\\.\nCREATE TABLE d ();\n")
    assert [(s.line, s.kind) for s in found.statements] == [
        (1, Kind.IRREVERSIBLE),
        (5, Kind.ADDITIVE),
    ]


def test_what_a_migration_made_itself_it_may_undo_and_fill() -> None:
    found = classify("""
        CREATE TABLE parcels (id int, note varchar(5));
        CREATE INDEX parcels_id ON parcels (id);
        ALTER TABLE parcels ALTER COLUMN id SET NOT NULL, ALTER COLUMN note TYPE varchar(2);
        INSERT INTO parcels SELECT id FROM orders;
        UPDATE parcels SET note = 'x';
        ALTER TABLE parcels RENAME TO packets;
        TRUNCATE packets;
        DROP TABLE packets;
    """)
    assert {(s.kind, s.fit, s.blocks) for s in found.statements} == {
        (Kind.ADDITIVE, Fit.COMPATIBLE, Blocks.NOBODY)
    }


def test_filling_a_column_that_was_just_added_loses_nothing() -> None:
    added = "ALTER TABLE orders ADD COLUMN gross numeric;"
    filled = "UPDATE orders SET gross = total * 1.2;"
    assert classify(added + filled).kind is Kind.ADDITIVE
    assert classify(filled).kind is Kind.LOSSY
    assert classify(added + "UPDATE orders SET gross = 0, total = 0").kind is Kind.LOSSY


@pytest.mark.parametrize(
    "between",
    [
        "DROP TABLE parcels; CREATE TABLE IF NOT EXISTS parcels (id int)",
        "SET search_path = audit",
        "SELECT set_config('search_path', 'audit', false)",
        "ROLLBACK",
        "DO $$ BEGIN END $$",
        "CREATE TABEL x",
        "ALTER TABLE parcels RENAME TO packets; ALTER TABLE orders RENAME TO parcels",
    ],
)
def test_a_name_that_may_mean_another_table_by_now_is_not_taken_for_a_new_one(between: str) -> None:
    found = classify(f"CREATE TABLE parcels (id int); {between}; DROP TABLE parcels")
    assert found.statements[-1].kind is Kind.LOSSY


def test_a_table_that_may_have_been_there_is_not_taken_for_a_new_one() -> None:
    found = classify("CREATE TABLE IF NOT EXISTS parcels (id int); DELETE FROM parcels")
    assert found.kind is Kind.LOSSY


def test_a_type_is_known_from_what_the_migration_did_before() -> None:
    found = classify("""
        ALTER TABLE orders ADD COLUMN a integer;
        ALTER TABLE orders RENAME COLUMN a TO b;
        ALTER TABLE orders RENAME TO purchases;
        ALTER TABLE purchases ALTER COLUMN b TYPE bigint;
    """)
    assert found.statements[-1].kind is Kind.REVERSIBLE
    assert "from integer" in found.statements[-1].reason


def test_types_are_understood_in_every_spelling() -> None:
    sql = "ALTER TABLE public.orders ALTER note TYPE character varying(20)"
    assert classify(sql, types={"orders.note": "varchar(10)"}).kind is Kind.REVERSIBLE
    sql = "ALTER TABLE orders ALTER at TYPE timestamp(3) with time zone"
    assert classify(sql, types={"orders.at": "timestamptz(6)"}).kind is Kind.LOSSY
    assert classify(sql, types={"orders.at": "no ; type"}).kind is Kind.UNKNOWN


def test_statements_that_no_transaction_may_hold_are_marked() -> None:
    found = classify("""
        CREATE INDEX CONCURRENTLY a ON b (c);
        CREATE INDEX d ON b (c);
        VACUUM b;
    """)
    assert [s.outside_transaction for s in found.statements] == [True, False, True]


def test_the_point_of_no_return_is_the_first_that_cannot_be_undone() -> None:
    found = classify("CREATE TABLE a (); DROP TABLE b; DO $$ $$;")
    assert found.point_of_no_return is found.statements[1]
    assert classify("CREATE TABLE a ()").point_of_no_return is None


def test_a_judgement_can_be_written_down_and_read_again() -> None:
    found = classify("ALTER TABLE orders DROP COLUMN note; CREATE INDEX i ON orders (id)")
    assert type(found).model_validate_json(found.model_dump_json()) == found
