"""What a constraint or an index asks of a table, and whom building it keeps waiting."""

from collections.abc import Iterable

from pglast import ast, enums

from goaround_migrating.parsing import walk
from goaround_migrating.rules.finding import Finding
from goaround_migrating.rules.naming import in_schema_of, joined, relation
from goaround_migrating.verdicts import Blocks, Effect, Fit, Kind

_T = enums.ConstrType
_ENDINGS: dict[_T | None, str] = {
    _T.CONSTR_PRIMARY: "pkey",
    _T.CONSTR_UNIQUE: "key",
    _T.CONSTR_FOREIGN: "fkey",
    _T.CONSTR_CHECK: "check",
    _T.CONSTR_EXCLUSION: "excl",
    _T.CONSTR_NOTNULL: "not_null",
}


def name_of(table: str, made: ast.Constraint) -> str:
    """Return the constraint's name: its own, or the one that PostgreSQL gives."""
    if made.conname:
        return made.conname
    own = table.rpartition(".")[2]
    keys = made.fk_attrs if made.contype == _T.CONSTR_FOREIGN else made.keys
    between: list[str] = (
        [] if made.contype == _T.CONSTR_PRIMARY else [joined(k) for k in keys or ()]
    )
    if made.contype == _T.CONSTR_CHECK:
        used = {joined(n.fields) for n in walk(made.raw_expr) if isinstance(n, ast.ColumnRef)}
        between = list(used) if len(used) == 1 else []
    return "_".join([own, *between, _ENDINGS.get(made.contype, "constraint")])


def added(table: str, made: ast.Constraint) -> Finding:
    """Judge ADD CONSTRAINT on a table that holds rows."""
    what = f"constraint {table}.{name_of(table, made)}"
    used = [joined(k) for k in (*(made.keys or ()), *(made.fk_attrs or ()))]
    used += [joined(n.fields) for n in walk(made.raw_expr) if isinstance(n, ast.ColumnRef)]
    effect = Effect(does="add", what=what, inside=_home(table, used))
    unchecked = bool(made.skip_validation)
    blocks, blocking, rule = Blocks.EVERYONE, "every row is checked", "a check"
    match made.contype:
        case _T.CONSTR_PRIMARY | _T.CONSTR_UNIQUE | _T.CONSTR_EXCLUSION:
            rule = {_T.CONSTR_PRIMARY: "a primary key", _T.CONSTR_UNIQUE: "uniqueness"}.get(
                made.contype, "an exclusion"
            )
            blocking = "an index is built"
            if made.indexname:
                blocks, blocking = Blocks.BRIEFLY, ""
                if made.contype == _T.CONSTR_PRIMARY:
                    rule += f" by the index {made.indexname}"
        case _T.CONSTR_FOREIGN:
            rule = f"a reference to table {relation(made.pktable)}"
            blocks = Blocks.WRITERS
            blocking = "every row is looked up there, and neither table can be written meanwhile"
        case _T.CONSTR_NOTNULL:
            rule = "no NULL"
        case _:
            pass
    effects: tuple[Effect, ...] = (effect,)
    if made.indexname:
        # The index is the constraint's from now on, and takes its name.
        index = Effect(does="drop", what=f"index {in_schema_of(table, made.indexname)}")
        effects = (index, effect)
    if unchecked:
        blocks, blocking = Blocks.BRIEFLY, ""
    reason = f"adds {what} ({rule}), which may refuse what a previous version writes"
    if unchecked:
        reason += "; rows that are there are not checked (NOT VALID)"
    return Finding(Kind.ADDITIVE, reason, Fit.CONTRACT, blocks, blocking, effects=effects)


def dropped(table: str, name: str | None, *, cascade: bool) -> Finding:
    """Judge DROP CONSTRAINT."""
    what = f"constraint {table}.{name}"
    effect = Effect(does="drop", what=what, cascade=cascade, inside=(f"table {table}",))
    reason = f"drops {what}: nothing is lost, but what it refused may be written from now on"
    kind = Kind.REVERSIBLE
    if cascade:
        kind = Kind.LOSSY
        reason = f"drops {what}, and whatever depends on it (CASCADE), which is not named here"
    # A unique one may be what a previous version's ON CONFLICT needs.
    return Finding(kind, reason, Fit.UNCLEAR, Blocks.BRIEFLY, effects=(effect,))


def validated(table: str, name: str | None) -> Finding:
    """Judge VALIDATE CONSTRAINT: it reads every row, and lets others read and write."""
    reason = f"checks the rows that are there against constraint {table}.{name}; changes none"
    return Finding(Kind.ADDITIVE, reason)


def indexed(made: ast.IndexStmt) -> Finding:
    """Judge CREATE INDEX on a table that holds rows."""
    table = relation(made.relation)
    what = f"index {index_name(made)}"
    effect = Effect(does="add", what=what, inside=home_of(made))
    unique = "unique " if made.unique else ""
    reason = f"adds {unique}{what} on table {table}"
    fit = Fit.COMPATIBLE
    if made.unique:
        fit = Fit.CONTRACT
        reason += ", which may refuse what a previous version writes"
    if made.concurrent:
        return Finding(Kind.ADDITIVE, reason, fit, effects=(effect,), outside_transaction=True)
    blocking = "the table is read through to build it; CREATE INDEX CONCURRENTLY lets others write"
    return Finding(Kind.ADDITIVE, reason, fit, Blocks.WRITERS, blocking, effects=(effect,))


def home_of(made: ast.IndexStmt) -> tuple[str, ...]:
    """Return the table and the columns with which an index goes."""
    parts = [*(made.indexParams or ()), *(made.indexIncludingParams or ())]
    named = [p.name for p in parts if isinstance(p, ast.IndexElem) and p.name]
    inner = (*parts, made.whereClause)
    named += [joined(n.fields) for n in walk(inner) if isinstance(n, ast.ColumnRef)]
    return _home(relation(made.relation), named)


def _home(table: str, columns: Iterable[str]) -> tuple[str, ...]:
    """Return a table and its columns: what lies on one of them goes with it."""
    return (f"table {table}", *sorted({f"column {table}.{c}" for c in columns}))


def index_name(made: ast.IndexStmt) -> str:
    """Return the index's name: its own, or the one that PostgreSQL gives."""
    table = relation(made.relation)
    if made.idxname:
        return in_schema_of(table, made.idxname)
    parts = [p.name or "expr" for p in made.indexParams or () if isinstance(p, ast.IndexElem)]
    return in_schema_of(table, "_".join([table.rpartition(".")[2], *parts, "idx"]))
