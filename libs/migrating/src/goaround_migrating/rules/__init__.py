"""The rules by which a statement is judged, one family of statements a module.

Each reads a tree and what is known of the schema, says what it finds and notes what is new. What
no rule knows is unknown: nothing is guessed.
"""

from collections.abc import Iterator

from pglast import ast, enums

from goaround_migrating.rules import altering, creating, data, dropping, others, renaming
from goaround_migrating.rules.finding import Finding, Known, known
from goaround_migrating.rules.naming import joined, relation, type_name
from goaround_migrating.verdicts import Fit, Kind

__all__ = ["Finding", "Known", "column_type", "judged", "known"]


def judged(tree: ast.Node, known: Known) -> tuple[Finding, ...]:
    """Return what a statement does, part by part; at least one part."""
    return tuple(_judged(tree, known)) or (others.NOTHING,)


def column_type(type_of: ast.Node) -> str:
    """Return the type of `SELECT NULL::...`, for types that are given as text."""
    match type_of:
        case ast.SelectStmt(targetList=(ast.ResTarget(val=ast.TypeCast(typeName=named)),)):
            return type_name(named)
        case _:
            return "?"


def _judged(tree: ast.Node, known: Known) -> Iterator[Finding]:
    match tree:
        case ast.AlterTableStmt(objtype=enums.ObjectType.OBJECT_TYPE):
            yield others.composite(tree)
        case ast.AlterTableStmt():
            yield from altering.altered(tree, known)
        case ast.CreateStmt() | ast.CreateForeignTableStmt():
            yield from creating.table(tree, known)
        case ast.CreateTableAsStmt():
            yield from _asked(tree.query)
            yield creating.table_of_query(tree, known)
        case ast.CreateSchemaStmt():
            yield creating.schema(tree)
            for part in tree.schemaElts or ():
                yield from _judged(part, known)
        case ast.DropStmt():
            yield from dropping.dropped(tree, known)
        case ast.TruncateStmt():
            yield from data.emptied(tree, known)
        case ast.SelectStmt() | ast.InsertStmt() | ast.UpdateStmt() | ast.DeleteStmt():
            yield from data.changed(tree, known)
        case ast.MergeStmt():
            yield from data.changed(tree, known)
        case _:
            yield _one(tree, known)


def _asked(query: object) -> Iterator[Finding]:
    if asked := data.side_effects(query):
        reason = f"calls {asked}(): what a function changes is not told by this text"
        yield Finding(Kind.UNKNOWN, reason, Fit.UNCLEAR)


def _one(tree: ast.Node, known: Known) -> Finding:
    match tree:
        case ast.IndexStmt():
            return creating.index(tree, known)
        case ast.ViewStmt():
            return creating.view(tree)
        case ast.CreateFunctionStmt():
            return creating.routine(tree)
        case ast.CreateTrigStmt():
            return creating.trigger(tree)
        case ast.RuleStmt():
            return creating.rule(tree)
        case ast.CreatePolicyStmt():
            return creating.policy(tree)
        case ast.DefineStmt():
            return creating.defined(tree)
        case ast.CopyStmt():
            return data.copied(tree, known)
        case ast.RenameStmt():
            return renaming.renamed(tree, known)
        case ast.AlterObjectSchemaStmt():
            return renaming.moved(tree, known)
        case ast.AlterEnumStmt():
            return others.enumerated(tree)
        case ast.AlterDomainStmt():
            return others.domain(tree)
        case ast.AlterSeqStmt():
            return others.sequence(tree)
        case ast.TransactionStmt():
            return others.transaction(tree, known)
        case ast.VariableSetStmt():
            return others.setting(tree, known)
        case ast.GrantStmt():
            return others.rights(tree)
        case _:
            return (
                creating.plain(tree) or dropping.beyond(tree) or others.upkeep(tree)
                or _definition(tree) or _harmless(tree) or others.untold(tree)
            )  # fmt: skip


def _definition(tree: ast.Node) -> Finding | None:
    """Judge changes of definitions that the same form of statement puts back."""
    match tree:
        case ast.CommentStmt():
            what = f"{renaming.noun_of(tree.objtype)} {joined(tree.object)}".strip()
            return others.changed(what, "comment", f"puts a comment on {what}")
        case ast.AlterPolicyStmt():
            what = f"policy {relation(tree.table)}.{tree.policy_name}"
            return others.changed(what, "definition", f"changes {what}", Fit.UNCLEAR)
        case ast.AlterFunctionStmt():
            what = f"function {joined(tree.func.objname) if tree.func else '?'}"
            return others.changed(what, "settings", f"changes settings of {what}", Fit.UNCLEAR)
        case ast.AlterOwnerStmt():
            what = f"{renaming.noun_of(tree.objectType)} {joined(tree.object)}"
            return others.changed(what, "owner", f"gives {what} another owner", Fit.UNCLEAR)
        case ast.AlterDefaultPrivilegesStmt():
            return others.changed(
                "default privileges", "rights", "changes what rights new objects have"
            )
        case ast.GrantRoleStmt():
            does, fit = ("grants", Fit.COMPATIBLE) if tree.is_grant else ("revokes", Fit.CONTRACT)
            return others.changed("roles", "members", f"{does} membership of a role", fit)
        case ast.AlterRoleStmt():
            names = {o.defname for o in tree.options or () if isinstance(o, ast.DefElem)}
            who = f"role {tree.role.rolename if tree.role else '?'}"
            if "password" in names:
                reason = f"changes the password of {who}: the one before cannot be put back"
                return Finding(Kind.IRREVERSIBLE, reason, Fit.CONTRACT)
            return others.changed(who, "settings", f"changes {who}", Fit.UNCLEAR)
        case ast.AlterRoleSetStmt() | ast.AlterDatabaseSetStmt() | ast.AlterDatabaseStmt():
            reason = "changes settings of a role or database for sessions that begin later"
            return others.changed("settings", "settings", reason, Fit.UNCLEAR)
        case ast.AlterPublicationStmt():
            what = f"publication {tree.pubname}"
            reason = f"changes what {what} tells its subscribers"
            return others.changed(what, "definition", reason, Fit.UNCLEAR)
        case ast.AlterExtensionStmt():
            reason = f"updates extension {tree.extname}: extensions seldom bring a way back"
            return Finding(Kind.IRREVERSIBLE, reason, Fit.UNCLEAR)
        case ast.AlterStatsStmt() | ast.SecLabelStmt() | ast.AlterEventTrigStmt():
            return others.changed(
                "settings", "settings", "changes a setting of an object", Fit.UNCLEAR
            )
        case _:
            return None


def _harmless(tree: ast.Node) -> Finding | None:
    """Judge what ends with the session, or only reads."""
    match tree:
        case ast.VariableShowStmt() | ast.ListenStmt() | ast.UnlistenStmt() | ast.CheckPointStmt():
            return others.NOTHING
        case ast.ConstraintsSetStmt() | ast.DeallocateStmt() | ast.ClosePortalStmt():
            return others.NOTHING
        case ast.ExplainStmt():
            names = {o.defname for o in tree.options or () if isinstance(o, ast.DefElem)}
            return None if "analyze" in names else others.NOTHING
        case _:
            return None
