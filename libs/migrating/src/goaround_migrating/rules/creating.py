"""What is made: tables, views, routines, types and the rest. Adding takes nothing away."""

from collections.abc import Iterator

from pglast import ast, enums

from goaround_migrating.rules import constraints
from goaround_migrating.rules.finding import Finding, Known
from goaround_migrating.rules.naming import joined, relation, signature, type_name
from goaround_migrating.verdicts import Blocks, Effect, Fit, Kind

_O = enums.ObjectType
_NOUNS: dict[_O | None, str] = {
    _O.OBJECT_AGGREGATE: "aggregate",
    _O.OBJECT_COLLATION: "collation",
    _O.OBJECT_OPERATOR: "operator",
    _O.OBJECT_TSCONFIGURATION: "text search configuration",
    _O.OBJECT_TSDICTIONARY: "text search dictionary",
    _O.OBJECT_TSPARSER: "text search parser",
    _O.OBJECT_TSTEMPLATE: "text search template",
    _O.OBJECT_TYPE: "type",
}


def add(what: str, note: str = "", *, holds: bool = False, inside: tuple[str, ...] = ()) -> Finding:
    """Return that something was added which nobody used before."""
    effect = Effect(does="add", what=what, holds=holds, inside=inside)
    return Finding(Kind.ADDITIVE, f"adds {what}{note}", effects=(effect,))


def replaced(what: str, note: str, fit: Fit = Fit.UNCLEAR) -> Finding:
    """Return that a definition took the place of another, if there was one."""
    effect = Effect(does="change", what=what, aspect="definition")
    reason = f"puts a new definition in the place of {what}, if there was one; {note}"
    return Finding(Kind.REVERSIBLE, reason, fit, Blocks.BRIEFLY, effects=(effect,))


_MAYBE = "; IF NOT EXISTS may find another one there"


def table(made: ast.CreateStmt | ast.CreateForeignTableStmt, known: Known) -> Iterator[Finding]:
    """Judge CREATE TABLE, with all that its columns bring."""
    base = made.base if isinstance(made, ast.CreateForeignTableStmt) else made
    assert isinstance(base, ast.CreateStmt)
    name = relation(base.relation)
    noun = "table" if base is made else "foreign table"
    for part in base.tableElts or ():
        if isinstance(part, ast.ColumnDef):
            known.types[f"{name}.{part.colname}"] = type_name(part.typeName)
    if not base.if_not_exists:
        known.made.add(f"table {name}")
    note = _MAYBE if base.if_not_exists else ""
    if base.partbound is not None and base.inhRelations:
        parent = next(r for r in base.inhRelations if isinstance(r, ast.RangeVar))
        yield Finding(
            Kind.ADDITIVE, f"adds table {name} as a partition of {relation(parent)}{note}",
            Fit.COMPATIBLE, Blocks.BRIEFLY, effects=(
                Effect(does="add", what=f"table {name}", holds=True,
                       inside=(f"table {relation(parent)}",)),
            ),
        )  # fmt: skip
        return
    yield add(f"{noun} {name}", note, holds=True)


def table_of_query(made: ast.CreateTableAsStmt, known: Known) -> Finding:
    """Judge CREATE TABLE AS and CREATE MATERIALIZED VIEW."""
    assert isinstance(made.into, ast.IntoClause)
    name = relation(made.into.rel)
    note = _MAYBE if made.if_not_exists else ""
    if made.objtype == _O.OBJECT_MATVIEW:
        return add(f"materialized view {name}", note)
    if not made.if_not_exists:
        known.made.add(f"table {name}")
    return add(f"table {name}", f", filled by a query{note}", holds=True)


def index(made: ast.IndexStmt, known: Known) -> Finding:
    """Judge CREATE INDEX."""
    name = relation(made.relation)
    if known.is_new(f"table {name}") and not made.concurrent:
        return add(
            f"index {constraints.index_name(made)}",
            f" on table {name}",
            inside=constraints.home_of(made),
        )
    return constraints.indexed(made)


def view(made: ast.ViewStmt) -> Finding:
    """Judge CREATE VIEW and its OR REPLACE."""
    what = f"view {relation(made.view)}"
    if made.replace:
        note = "PostgreSQL lets it add columns at the end, not take any away"
        return replaced(what, note, Fit.COMPATIBLE)
    return add(what)


def routine(made: ast.CreateFunctionStmt) -> Finding:
    """Judge CREATE FUNCTION and PROCEDURE and their OR REPLACE."""
    what = f"{'procedure' if made.is_procedure else 'function'} {signature(made)}"
    if made.replace:
        return replaced(what, "a previous version calls the new one")
    return add(what)


def trigger(made: ast.CreateTrigStmt) -> Finding:
    """Judge CREATE TRIGGER."""
    name = relation(made.relation)
    what = f"trigger {name}.{made.trigname}"
    note = f"what a previous version writes to table {name} goes through it too"
    if made.replace:
        return replaced(what, note)
    effect = Effect(does="add", what=what, inside=(f"table {name}",))
    return Finding(
        Kind.ADDITIVE, f"adds {what}: {note}", Fit.UNCLEAR, Blocks.BRIEFLY, effects=(effect,)
    )


def rule(made: ast.RuleStmt) -> Finding:
    """Judge CREATE RULE."""
    name = relation(made.relation)
    what = f"rule {name}.{made.rulename}"
    note = f"what a previous version asks of {name} is rewritten by it too"
    if made.replace:
        return replaced(what, note)
    effect = Effect(does="add", what=what, inside=(f"table {name}",))
    return Finding(
        Kind.ADDITIVE, f"adds {what}: {note}", Fit.UNCLEAR, Blocks.BRIEFLY, effects=(effect,)
    )


def policy(made: ast.CreatePolicyStmt) -> Finding:
    """Judge CREATE POLICY."""
    name = relation(made.table)
    what = f"policy {name}.{made.policy_name}"
    effect = Effect(does="add", what=what, inside=(f"table {name}",))
    if made.permissive:
        reason = f"adds {what}, which lets more rows be seen or written"
        return Finding(Kind.ADDITIVE, reason, blocks=Blocks.BRIEFLY, effects=(effect,))
    reason = f"adds {what}, which hides or refuses rows (RESTRICTIVE)"
    return Finding(Kind.ADDITIVE, reason, Fit.CONTRACT, Blocks.BRIEFLY, effects=(effect,))


def schema(made: ast.CreateSchemaStmt) -> Finding:
    """Judge CREATE SCHEMA without what it may hold."""
    name = made.schemaname or (made.authrole.rolename if made.authrole else "?")
    return add(f"schema {name}", _MAYBE if made.if_not_exists else "")


def defined(made: ast.DefineStmt) -> Finding:
    """Judge CREATE AGGREGATE, TYPE, OPERATOR, COLLATION, TEXT SEARCH."""
    noun = _NOUNS.get(made.kind, "object")
    what = f"{noun} {joined(made.defnames)}"
    return replaced(what, "what uses it uses the new one") if made.replace else add(what)


def plain(tree: ast.Node) -> Finding | None:
    """Judge what is made in one form only; None for anything else."""
    match tree:
        case ast.CreateSeqStmt():
            note = _MAYBE if tree.if_not_exists else ""
            return add(f"sequence {relation(tree.sequence)}", note, holds=True)
        case ast.CreateEnumStmt() | ast.CreateRangeStmt():
            return add(f"type {joined(tree.typeName)}")
        case ast.CompositeTypeStmt():
            return add(f"type {relation(tree.typevar)}")
        case ast.CreateDomainStmt():
            return add(f"domain {joined(tree.domainname)}")
        case ast.CreateExtensionStmt():
            # Some bring tables of their own, which users fill.
            note = _MAYBE if tree.if_not_exists else ""
            return add(f"extension {tree.extname}", note, holds=True)
        case ast.CreateStatsStmt():
            return add(f"statistics {joined(tree.defnames)}")
        case ast.CreateEventTrigStmt():
            what = f"event trigger {tree.trigname}"
            reason = f"adds {what}: it runs for commands of every user of the database"
            effect = Effect(does="add", what=what)
            return Finding(Kind.ADDITIVE, reason, Fit.UNCLEAR, effects=(effect,))
        case ast.CreatePublicationStmt():
            return add(f"publication {tree.pubname}", holds=True)
        case ast.CreateRoleStmt():
            return add(f"role {tree.role}")
        case ast.CreateFdwStmt():
            return add(f"foreign data wrapper {tree.fdwname}")
        case ast.CreateForeignServerStmt():
            return add(f"server {tree.servername}")
        case ast.CreateUserMappingStmt():
            return add(f"user mapping for {tree.servername}")
        case ast.ImportForeignSchemaStmt():
            return add(f"the foreign tables of {tree.remote_schema} in schema {tree.local_schema}")
        case ast.CreateCastStmt():
            source, target = type_name(tree.sourcetype), type_name(tree.targettype)
            return add(f"cast ({source} AS {target})")
        case ast.CreateTransformStmt():
            return add(f"transform for {type_name(tree.type_name)} in {tree.lang}")
        case ast.CreatePLangStmt():
            return add(f"language {tree.plname}")
        case ast.CreateAmStmt():
            return add(f"access method {tree.amname}")
        case ast.CreateConversionStmt():
            return add(f"conversion {joined(tree.conversion_name)}")
        case ast.CreateOpClassStmt():
            return add(f"operator class {joined(tree.opclassname)}")
        case ast.CreateOpFamilyStmt():
            return add(f"operator family {joined(tree.opfamilyname)}")
        case ast.CreatedbStmt():
            made = add(f"database {tree.dbname}", holds=True)
            return Finding(made.kind, made.reason, effects=made.effects, outside_transaction=True)
        case _:
            return None
