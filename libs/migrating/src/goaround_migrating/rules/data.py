"""What is done to rows: written, changed, deleted, or only read."""

import re
from collections.abc import Iterator

from pglast import ast, enums

from goaround_migrating.parsing import walk
from goaround_migrating.rules.finding import Finding, Known
from goaround_migrating.rules.naming import called, joined, listed, relation
from goaround_migrating.verdicts import Blocks, Effect, Fit, Kind

_HARMLESS = frozenset(
    re.findall(
        r"\w+",
        """
    now clock_timestamp statement_timestamp transaction_timestamp current_setting timezone
    date_trunc date_part extract age to_date to_timestamp to_char make_date make_interval
    make_timestamp gen_random_uuid uuidv4 uuidv7 uuid_generate_v4 random nextval currval
    lastval count sum avg min max bool_and bool_or every string_agg array_agg json_agg
    jsonb_agg json_object_agg jsonb_object_agg row_number rank dense_rank ntile lag lead
    first_value last_value percentile_cont coalesce greatest least nullif lower upper
    initcap length char_length octet_length trim btrim ltrim rtrim lpad rpad left right
    substring substr position strpos replace translate regexp_replace regexp_match
    regexp_matches regexp_split_to_array split_part concat concat_ws format reverse repeat
    md5 sha256 encode decode digest abs ceil ceiling floor round trunc mod power sqrt exp ln
    log sign array_length array_append array_prepend array_cat array_remove array_position
    unnest array_to_string string_to_array cardinality generate_series jsonb_build_object
    jsonb_build_array json_build_object json_build_array jsonb_set jsonb_insert
    jsonb_strip_nulls jsonb_each jsonb_each_text jsonb_array_elements
    jsonb_array_elements_text jsonb_typeof jsonb_object_keys to_jsonb to_json row_to_json
    to_tsvector to_tsquery version current_database current_schema pg_get_serial_sequence
    pg_typeof obj_description pg_table_size pg_total_relation_size pg_size_pretty int4range
    int8range numrange daterange tsrange tstzrange like_escape overlay ascii chr hashtext
        """,
    )
)
"""PostgreSQL's own functions that change nothing but, at most, the place of a sequence."""
_MOVES_SEQUENCE = "setval"
_LOCKS = ["pg_advisory_lock", "pg_advisory_xact_lock", "pg_advisory_unlock", "pg_try_advisory_lock"]
_SETTING = "set_config"


def side_effects(tree: object) -> str:
    """Return the first function called of which it is not known that it changes nothing."""
    known = {*_HARMLESS, _MOVES_SEQUENCE, _SETTING, *_LOCKS}
    return next((name for name in called(tree) if name not in known), "")


def changed(tree: ast.Node, known: Known) -> Iterator[Finding]:
    """Judge INSERT, UPDATE, DELETE, MERGE, TRUNCATE, and those that a WITH hides in a query."""
    if asked := side_effects(tree):
        reason = f"calls {asked}(): what a function changes is not told by this text"
        yield Finding(Kind.UNKNOWN, reason, Fit.UNCLEAR)
    moved = [c for c in called(tree) if c == _MOVES_SEQUENCE]
    if moved:
        reason = "sets where a sequence stands (setval): the number that it had reached is lost"
        yield Finding(Kind.LOSSY, reason, effects=(Effect(does="data", what="a sequence"),))
    if _SETTING in called(tree):
        known.forget_made()
    for node in walk(tree):
        match node:
            case ast.InsertStmt():
                yield _inserted(node, known)
            case ast.UpdateStmt():
                yield _updated(node, known)
            case ast.DeleteStmt():
                what = "all rows" if node.whereClause is None else "rows"
                yield _touched(node.relation, f"deletes {what} of", known)
            case ast.MergeStmt():
                yield _touched(node.relation, "changes, adds or deletes rows of", known)
            case ast.SelectStmt(intoClause=ast.IntoClause(rel=rel)):
                name = relation(rel)
                known.made.add(f"table {name}")
                effect = Effect(does="add", what=f"table {name}", holds=True)
                yield Finding(
                    Kind.ADDITIVE, f"adds table {name}, filled by a query", effects=(effect,)
                )
            case _:
                pass
    yield Finding(Kind.ADDITIVE, "reads, and changes nothing")


def _inserted(node: ast.InsertStmt, known: Known) -> Finding:
    name = relation(node.relation)
    if mild := _mild(name, "adds rows to", known):
        return mild
    effect = Effect(does="data", what=f"table {name}")
    clause = node.onConflictClause
    if clause is not None and clause.action == enums.OnConflictAction.ONCONFLICT_UPDATE:
        reason = f"adds rows to table {name} or writes over those there (ON CONFLICT DO UPDATE)"
        return Finding(Kind.LOSSY, reason, effects=(effect,))
    if clause is not None:
        reason = (
            f"adds rows to table {name} where there are none (ON CONFLICT DO NOTHING): which were "
            "there before cannot be told afterwards"
        )
        return Finding(Kind.IRREVERSIBLE, reason, effects=(effect,))
    query = node.selectStmt
    if isinstance(query, ast.SelectStmt) and query.valuesLists:
        count = len(query.valuesLists)
        reason = f"adds {count} row{'s' * (count > 1)} to table {name}, which a DELETE can name"
        return Finding(Kind.REVERSIBLE, reason, effects=(effect,))
    if query is None:
        reason = f"adds a row of defaults to table {name}, which a DELETE cannot name"
        return Finding(Kind.IRREVERSIBLE, reason, effects=(effect,))
    reason = (
        f"adds rows to table {name} by a query: which were added cannot be told from those that "
        "were there"
    )
    return Finding(Kind.IRREVERSIBLE, reason, effects=(effect,))


def _updated(node: ast.UpdateStmt, known: Known) -> Finding:
    name = relation(node.relation)
    if mild := _mild(name, "changes rows of", known):
        return mild
    columns = [f"{name}.{t.name}" for t in node.targetList or () if isinstance(t, ast.ResTarget)]
    effect = Effect(does="data", what=f"table {name}")
    if all(known.is_new(f"column {c}") for c in columns):
        reason = f"fills {listed(columns)}, which this migration added"
        return Finding(Kind.ADDITIVE, reason, effects=())
    reason = f"writes over {listed(columns)}: the values that stood there are lost"
    return Finding(Kind.LOSSY, reason, Fit.UNCLEAR, effects=(effect,))


def _touched(table: ast.RangeVar | None, does: str, known: Known) -> Finding:
    name = relation(table)
    if mild := _mild(name, does, known):
        return mild
    effect = Effect(does="data", what=f"table {name}")
    return Finding(
        Kind.LOSSY, f"{does} table {name}: they are lost", Fit.UNCLEAR, effects=(effect,)
    )


def _mild(name: str, does: str, known: Known) -> Finding | None:
    """Where nothing that stood before is touched."""
    if known.is_new(f"table {name}"):
        return Finding(Kind.ADDITIVE, f"{does} table {name}, which this migration made")
    if name.rpartition(".")[2] in known.bookkeeping:
        reason = f"{does} table {name}: the migration tool notes what it applied"
        return Finding(Kind.ADDITIVE, reason)
    return None


def emptied(tree: ast.TruncateStmt, known: Known) -> Iterator[Finding]:
    """Judge TRUNCATE."""
    cascade = tree.behavior == enums.DropBehavior.DROP_CASCADE
    for named in tree.relations or ():
        name = relation(named if isinstance(named, ast.RangeVar) else None)
        if known.is_new(f"table {name}") and not cascade:
            yield Finding(Kind.ADDITIVE, f"empties table {name}, which this migration made")
            continue
        also = ", and every table that refers to it (CASCADE)" if cascade else ""
        effect = Effect(does="data", what=f"table {name}")
        reason = f"deletes all rows of table {name}{also}: they are lost"
        yield Finding(Kind.LOSSY, reason, Fit.CONTRACT, Blocks.BRIEFLY, effects=(effect,))


def copied(tree: ast.CopyStmt, known: Known) -> Finding:
    """Judge COPY."""
    name = relation(tree.relation) if tree.relation else joined(())
    if tree.is_program:
        reason = "runs a program on the database server: what that does is not known here"
        return Finding(Kind.UNKNOWN, reason, Fit.UNCLEAR)
    if not tree.is_from:
        if tree.query is not None and (asked := side_effects(tree.query)):
            reason = f"calls {asked}(): what a function changes is not told by this text"
            return Finding(Kind.UNKNOWN, reason, Fit.UNCLEAR)
        return Finding(Kind.ADDITIVE, "reads, and changes nothing in the database")
    if known.is_new(f"table {name}"):
        return Finding(Kind.ADDITIVE, f"adds rows to table {name}, which this migration made")
    reason = (
        f"adds rows to table {name} from elsewhere: which were added cannot be told from those "
        "that were there"
    )
    return Finding(Kind.IRREVERSIBLE, reason, effects=(Effect(does="data", what=f"table {name}"),))
