"""Names and homes of objects: easily put back, and unknown to a previous version meanwhile."""

from pglast import ast, enums

from goaround_migrating.rules.finding import Finding, Known
from goaround_migrating.rules.naming import in_schema_of, joined, relation, signature
from goaround_migrating.verdicts import Blocks, Effect, Fit, Kind

_O = enums.ObjectType
_IN_TABLE = {
    _O.OBJECT_COLUMN: "column",
    _O.OBJECT_TABCONSTRAINT: "constraint",
    _O.OBJECT_TRIGGER: "trigger",
    _O.OBJECT_POLICY: "policy",
    _O.OBJECT_RULE: "rule",
    _O.OBJECT_ATTRIBUTE: "attribute",
}
_RELATIONS = {
    _O.OBJECT_TABLE: "table",
    _O.OBJECT_VIEW: "view",
    _O.OBJECT_MATVIEW: "materialized view",
    _O.OBJECT_INDEX: "index",
    _O.OBJECT_SEQUENCE: "sequence",
    _O.OBJECT_FOREIGN_TABLE: "foreign table",
}
_OTHERS = {_O.OBJECT_STATISTIC_EXT: "statistics", _O.OBJECT_DOMCONSTRAINT: "constraint"}
_UNSEEN = ("index", "trigger", "policy", "rule", "statistics")
"""What no query names."""


def noun_of(kind: enums.ObjectType | None) -> str:
    """Return `materialized view` of OBJECT_MATVIEW."""
    if kind is None:
        return "object"
    own = kind.name.removeprefix("OBJECT_").replace("_", " ").lower()
    return _IN_TABLE.get(kind) or _RELATIONS.get(kind) or _OTHERS.get(kind) or own


def renamed(tree: ast.RenameStmt, known: Known) -> Finding:
    """Judge ALTER ... RENAME."""
    noun, new = noun_of(tree.renameType), tree.newname or "?"
    table = relation(tree.relation) if tree.relation else ""
    if tree.renameType in _IN_TABLE:
        before, after = f"{table}.{tree.subname}", f"{table}.{new}"
    elif table:
        before, after = table, in_schema_of(table, new)
    else:
        before = _named(tree.object) or tree.subname or "?"
        plain, bracket, given = before.partition("(")
        after = in_schema_of(plain, new) + bracket + given
    effect = Effect(does="rename", what=f"{noun} {before}", to=f"{noun} {after}")
    is_new = known.is_new(f"{noun} {before}") or known.is_new(f"table {table}")
    if noun == "table":
        known.rename_table(before, after)
    elif noun == "column":
        if (held := known.types.pop(before, None)) is not None:
            known.types[after] = held
        if f"column {before}" in known.made:
            known.made = known.made - {f"column {before}"} | {f"column {after}"}
    reason = f"renames {noun} {before} to {new}"
    if is_new:
        reason += ", which this migration made"
        return Finding(Kind.ADDITIVE, reason, effects=(effect,))
    if noun in _UNSEEN:
        return Finding(Kind.REVERSIBLE, reason, blocks=Blocks.BRIEFLY, effects=(effect,))
    reason += ": a previous version knows the old name"
    return Finding(Kind.REVERSIBLE, reason, Fit.CONTRACT, Blocks.BRIEFLY, effects=(effect,))


def moved(tree: ast.AlterObjectSchemaStmt, known: Known) -> Finding:
    """Judge ALTER ... SET SCHEMA."""
    noun = noun_of(tree.objectType)
    before = relation(tree.relation) if tree.relation else _named(tree.object)
    own = before.rpartition(".")[2]
    after = own if tree.newschema == "public" else f"{tree.newschema}.{own}"
    if noun == "table":
        known.rename_table(before, after)
    effect = Effect(does="rename", what=f"{noun} {before}", to=f"{noun} {after}")
    reason = (
        f"moves {noun} {before} to schema {tree.newschema}, where a previous version may not look"
    )
    return Finding(Kind.REVERSIBLE, reason, Fit.CONTRACT, Blocks.BRIEFLY, effects=(effect,))


def _named(named: object) -> str:
    return signature(named) if isinstance(named, ast.ObjectWithArgs) else joined(named)
