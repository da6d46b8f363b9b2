"""What is taken away: whether it held values, and what goes with it."""

from collections.abc import Iterator
from dataclasses import dataclass

from pglast import ast, enums

from goaround_migrating.rules.finding import Finding, Known
from goaround_migrating.rules.naming import joined, signature, type_name
from goaround_migrating.rules.renaming import noun_of
from goaround_migrating.verdicts import Blocks, Effect, Fit, Kind

_O = enums.ObjectType


@dataclass(frozen=True)
class _Loss:
    noun: str
    goes: str = ""
    """What is lost with it; empty where its definition is all there is."""
    fit: Fit = Fit.CONTRACT
    of_table: bool = False
    """Whether its name is told with its table's."""


_LOSSES: dict[_O | None, _Loss] = {
    _O.OBJECT_TABLE: _Loss("table", "every row in it"),
    _O.OBJECT_SEQUENCE: _Loss("sequence", "the number that it had reached"),
    _O.OBJECT_EXTENSION: _Loss("extension", "what its own tables and settings held"),
    _O.OBJECT_VIEW: _Loss("view"),
    _O.OBJECT_MATVIEW: _Loss("materialized view"),
    _O.OBJECT_INDEX: _Loss("index", fit=Fit.UNCLEAR),
    _O.OBJECT_FOREIGN_TABLE: _Loss("foreign table"),
    _O.OBJECT_FUNCTION: _Loss("function"),
    _O.OBJECT_PROCEDURE: _Loss("procedure"),
    _O.OBJECT_ROUTINE: _Loss("routine"),
    _O.OBJECT_AGGREGATE: _Loss("aggregate"),
    _O.OBJECT_OPERATOR: _Loss("operator"),
    _O.OBJECT_TYPE: _Loss("type"),
    _O.OBJECT_DOMAIN: _Loss("domain"),
    _O.OBJECT_SCHEMA: _Loss("schema"),
    _O.OBJECT_COLLATION: _Loss("collation"),
    _O.OBJECT_TRIGGER: _Loss("trigger", fit=Fit.UNCLEAR, of_table=True),
    _O.OBJECT_RULE: _Loss("rule", fit=Fit.UNCLEAR, of_table=True),
    _O.OBJECT_POLICY: _Loss("policy", of_table=True),
    _O.OBJECT_EVENT_TRIGGER: _Loss("event trigger", fit=Fit.UNCLEAR),
    _O.OBJECT_STATISTIC_EXT: _Loss("statistics", fit=Fit.COMPATIBLE),
    _O.OBJECT_PUBLICATION: _Loss("publication", "how far its subscribers had read"),
    _O.OBJECT_FDW: _Loss("foreign data wrapper"),
    _O.OBJECT_FOREIGN_SERVER: _Loss("server"),
    _O.OBJECT_CAST: _Loss("cast"),
    _O.OBJECT_TSCONFIGURATION: _Loss("text search configuration"),
    _O.OBJECT_TSDICTIONARY: _Loss("text search dictionary"),
}


def dropped(statement: ast.DropStmt, known: Known) -> Iterator[Finding]:
    """Judge DROP of each object that the statement names."""
    loss = _LOSSES.get(statement.removeType)
    for named in statement.objects or ():
        if loss is None:
            noun = noun_of(statement.removeType)
            reason = f"what goes with a dropped {noun} is not known here"
            yield Finding(Kind.UNKNOWN, reason, Fit.UNCLEAR)
            continue
        yield _one(statement, loss, named, known)


def _one(statement: ast.DropStmt, loss: _Loss, named: object, known: Known) -> Finding:
    name, of = _name(loss, named)
    what = f"{loss.noun} {name}"
    cascade = statement.behavior == enums.DropBehavior.DROP_CASCADE
    concurrent = bool(statement.concurrent)
    holds = bool(loss.goes)
    effect = Effect(
        does="drop", what=what, holds=holds, cascade=cascade, inside=(f"table {of}",) if of else ()
    )
    blocks = Blocks.NOBODY if concurrent else Blocks.BRIEFLY
    new = known.is_new(what)
    if loss.noun == "table":
        known.drop_table(name)
    if new and not cascade:
        reason = f"drops {what}, which this migration made"
        return Finding(Kind.ADDITIVE, reason, effects=(effect,))
    kind, reason = Kind.REVERSIBLE, f"drops {what}: its definition can be put back"
    if holds:
        kind, reason = Kind.LOSSY, f"drops {what} with {loss.goes}"
    if cascade:
        kind = Kind.LOSSY
        reason += ", and whatever depends on it (CASCADE), which is not named here"
    return Finding(
        kind, reason, loss.fit, blocks, effects=(effect,), outside_transaction=concurrent
    )


def _name(loss: _Loss, named: object) -> tuple[str, str]:
    """Return the object's name, and its table's where it belongs to one."""
    if loss.noun == "cast" and isinstance(named, tuple):
        types = [type_name(t) for t in named if isinstance(t, ast.TypeName)]  # pyright: ignore[reportUnknownVariableType]
        return f"({' AS '.join(types)})", ""
    if isinstance(named, ast.ObjectWithArgs):
        return signature(named), ""
    name = joined(named)
    return name, name.rpartition(".")[0] if loss.of_table else ""


def beyond(tree: ast.Node) -> Finding | None:
    """Judge the drops that no statement undoes; None for anything else."""
    match tree:
        case ast.DropdbStmt():
            reason = f"drops database {tree.dbname} with all that is in it"
            return Finding(
                Kind.IRREVERSIBLE, reason, Fit.CONTRACT, Blocks.EVERYONE, outside_transaction=True
            )
        case ast.DropRoleStmt():
            names = [r.rolename or "?" for r in tree.roles or () if isinstance(r, ast.RoleSpec)]
            reason = f"drops role {', '.join(names)}: its password and memberships are gone"
            return Finding(Kind.IRREVERSIBLE, reason, Fit.CONTRACT)
        case ast.DropOwnedStmt():
            reason = "drops everything that a role owns, which is not named here (DROP OWNED)"
            return Finding(Kind.IRREVERSIBLE, reason, Fit.CONTRACT, Blocks.BRIEFLY)
        case ast.ReassignOwnedStmt():
            reason = "gives away everything that a role owns: what it was is not told anywhere"
            return Finding(Kind.IRREVERSIBLE, reason, Fit.UNCLEAR)
        case ast.DropTableSpaceStmt():
            reason = f"drops tablespace {tree.tablespacename}"
            return Finding(Kind.IRREVERSIBLE, reason, Fit.UNCLEAR, outside_transaction=True)
        case ast.DropUserMappingStmt():
            reason = f"drops the user mapping for {tree.servername} with its password"
            return Finding(Kind.IRREVERSIBLE, reason, Fit.CONTRACT)
        case ast.DropSubscriptionStmt():
            reason = f"drops subscription {tree.subname} with how far it had read"
            return Finding(Kind.IRREVERSIBLE, reason, Fit.CONTRACT, outside_transaction=True)
        case _:
            return None
