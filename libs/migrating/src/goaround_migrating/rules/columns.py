"""What is done to one column of a table that is in use."""

import re

from pglast import ast, enums

from goaround_migrating.rules.finding import Finding, Known
from goaround_migrating.rules.naming import called, joined, listed, type_name
from goaround_migrating.rules.widening import conversion
from goaround_migrating.verdicts import Blocks, Effect, Fit, Kind

_SAME_FOR_ALL_ROWS = frozenset(
    re.findall(
        r"\w+",
        """
    now transaction_timestamp statement_timestamp current_setting timezone date_trunc lower
    upper to_date to_timestamp to_char make_date make_interval make_timestamp
    jsonb_build_object jsonb_build_array json_build_object json_build_array md5 concat
    coalesce array_to_json round floor ceil abs length trim btrim ltrim rtrim substring
    substr replace int4range int8range numrange daterange tsrange tstzrange to_jsonb to_json
        """,
    )
)
"""Functions that need not be asked for each row, so that no row is written for them."""
_SERIAL = ("serial", "bigserial", "smallserial", "serial4", "serial8", "serial2")
_REWRITES = "every row is written anew"


def column(table: str, name: str | None) -> str:
    """Return `column orders.note`."""
    return f"column {table}.{name}"


def added(table: str, made: ast.ColumnDef, known: Known, *, if_absent: bool) -> Finding:
    """Judge ADD COLUMN."""
    what = column(table, made.colname)
    clauses = {c.contype: c for c in made.constraints or () if isinstance(c, ast.Constraint)}
    # What is computed from other columns can be computed again.
    holds = enums.ConstrType.CONSTR_GENERATED not in clauses
    effect = Effect(does="add", what=what, holds=holds, inside=(f"table {table}",))
    known.types[f"{table}.{made.colname}"] = type_name(made.typeName)
    if not if_absent:
        known.made.add(what)
    blocks, blocking = _of_adding(made, clauses)
    given = {
        enums.ConstrType.CONSTR_DEFAULT,
        enums.ConstrType.CONSTR_IDENTITY,
        enums.ConstrType.CONSTR_GENERATED,
    } & clauses.keys() or joined(made.typeName) in _SERIAL
    strict = {enums.ConstrType.CONSTR_NOTNULL, enums.ConstrType.CONSTR_PRIMARY} & clauses.keys()
    fit, note = Fit.COMPATIBLE, ""
    if strict and not given:
        fit = Fit.CONTRACT
        note = ", which is NOT NULL without a default: a previous version's INSERT fails, and so "
        note += "does this on a table with rows"
    elif refusing := [w for c, w in _REFUSING.items() if c in clauses]:
        fit, note = Fit.UNCLEAR, f", with {listed(refusing)}"
    if if_absent:
        note += "; IF NOT EXISTS may find another one there"
    return Finding(Kind.ADDITIVE, f"adds {what}{note}", fit, blocks, blocking, effects=(effect,))


_REFUSING = {
    enums.ConstrType.CONSTR_CHECK: "a check",
    enums.ConstrType.CONSTR_UNIQUE: "a unique index",
    enums.ConstrType.CONSTR_PRIMARY: "a primary key",
}


def _of_adding(
    made: ast.ColumnDef, clauses: dict[enums.ConstrType | None, ast.Constraint]
) -> tuple[Blocks, str]:
    if joined(made.typeName) in _SERIAL or enums.ConstrType.CONSTR_IDENTITY in clauses:
        return Blocks.EVERYONE, f"{_REWRITES} to number it"
    generated = clauses.get(enums.ConstrType.CONSTR_GENERATED)
    if generated is not None and generated.generated_kind != "v":
        return Blocks.EVERYONE, f"{_REWRITES} to hold the generated value"
    default = clauses.get(enums.ConstrType.CONSTR_DEFAULT)
    if default is not None and (
        asked := [f for f in called(default.raw_expr) if f not in _SAME_FOR_ALL_ROWS]
    ):
        return Blocks.EVERYONE, f"{_REWRITES}: its default asks {asked[0]}() for each"
    if {enums.ConstrType.CONSTR_UNIQUE, enums.ConstrType.CONSTR_PRIMARY} & clauses.keys():
        return Blocks.EVERYONE, "an index is built"
    if enums.ConstrType.CONSTR_CHECK in clauses:
        return Blocks.EVERYONE, "every row is checked"
    return Blocks.BRIEFLY, ""


def dropped(table: str, name: str | None, known: Known, *, cascade: bool) -> Finding:
    """Judge DROP COLUMN."""
    what = column(table, name)
    new = known.is_new(what) or known.is_new(f"table {table}")
    known.made.discard(what)
    known.types.pop(f"{table}.{name}", None)
    home = (f"table {table}",)
    effect = Effect(does="drop", what=what, holds=True, cascade=cascade, inside=home)
    if new and not cascade:
        reason = f"drops {what}, which this migration added"
        return Finding(Kind.ADDITIVE, reason, blocks=Blocks.BRIEFLY, effects=(effect,))
    also = ", and whatever depends on it, which is not named here" if cascade else ""
    reason = f"drops {what} with every value in it{also}"
    return Finding(Kind.LOSSY, reason, Fit.CONTRACT, Blocks.BRIEFLY, effects=(effect,))


def retyped(table: str, name: str | None, made: ast.ColumnDef, known: Known) -> Finding:
    """Judge ALTER COLUMN TYPE, with the type that the column is known to have."""
    what, new = column(table, name), type_name(made.typeName)
    old = known.types.get(f"{table}.{name}")
    known.types[f"{table}.{name}"] = new
    effect = Effect(does="change", what=what, aspect="type", to=new)
    says = f"makes {what} {new}"
    if made.raw_default is not None and not _plain_cast(made.raw_default, name):
        reason = f"{says} by an expression (USING): what it keeps of a value is not known here"
        return Finding(
            Kind.UNKNOWN, reason, Fit.UNCLEAR, Blocks.EVERYONE, _REWRITES, effects=(effect,)
        )
    if old is None:
        if new == "text":
            reason = (
                f"{says}: any value can be written as text, though code may expect another type"
            )
            return Finding(
                Kind.REVERSIBLE, reason, Fit.UNCLEAR, Blocks.EVERYONE,
                f"{_REWRITES}, unless it was character varying", effects=(effect,),
            )  # fmt: skip
        reason = f"{says}: the type that it has now is not told by this text"
        return Finding(
            Kind.UNKNOWN, reason, Fit.UNCLEAR, Blocks.EVERYONE, _REWRITES, effects=(effect,)
        )
    found = conversion(old, new)
    blocking = _REWRITES if found.blocks.long else ""
    reason = f"{says}, from {old}: {found.why}"
    return Finding(found.kind, reason, found.fit, found.blocks, blocking, effects=(effect,))


def _plain_cast(given: object, name: str | None) -> bool:
    """Whether a USING only says `note::text`."""
    match given:
        case ast.TypeCast(arg=ast.ColumnRef(fields=fields)):
            return joined(fields) == name
        case ast.ColumnRef(fields=fields):
            return joined(fields) == name
        case _:
            return False


def not_null(table: str, name: str | None, *, must: bool) -> Finding:
    """Judge SET NOT NULL and DROP NOT NULL."""
    what = column(table, name)
    effect = Effect(does="change", what=what, aspect="not null", to="yes" if must else "no")
    if must:
        return Finding(
            Kind.REVERSIBLE,
            f"{what} refuses NULL from now on, which a previous version may write",
            Fit.CONTRACT,
            Blocks.EVERYONE,
            "every row is read, unless a valid CHECK says already that there is no NULL",
            effects=(effect,),
        )
    reason = f"{what} takes NULL from now on: the way back fails once one is written"
    return Finding(Kind.REVERSIBLE, reason, blocks=Blocks.BRIEFLY, effects=(effect,))


def default(table: str, name: str | None, *, given: bool) -> Finding:
    """Judge SET DEFAULT and DROP DEFAULT."""
    what = column(table, name)
    effect = Effect(does="change", what=what, aspect="default", to="set" if given else "none")
    if given:
        reason = f"{what} has another default from now on; rows that are there keep their values"
        return Finding(Kind.REVERSIBLE, reason, blocks=Blocks.BRIEFLY, effects=(effect,))
    reason = f"{what} has no default any more: an INSERT of a previous version may rely on it"
    return Finding(Kind.REVERSIBLE, reason, Fit.CONTRACT, Blocks.BRIEFLY, effects=(effect,))
