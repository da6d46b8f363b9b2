"""All else that a migration may hold: types, rights, settings, upkeep, and what cannot be told."""

from dataclasses import replace

from pglast import ast, enums

from goaround_migrating.rules.finding import Finding, Known
from goaround_migrating.rules.naming import joined, relation, signature
from goaround_migrating.rules.renaming import noun_of
from goaround_migrating.verdicts import Blocks, Effect, Fit, Kind

_T = enums.TransactionStmtKind
_UNDOES = {_T.TRANS_STMT_ROLLBACK, _T.TRANS_STMT_ROLLBACK_TO}
_TWO_PHASE = {
    _T.TRANS_STMT_PREPARE, _T.TRANS_STMT_COMMIT_PREPARED, _T.TRANS_STMT_ROLLBACK_PREPARED
}  # fmt: skip
NOTHING = Finding(Kind.ADDITIVE, "changes nothing in the schema or its rows")


def changed(what: str, aspect: str, reason: str, fit: Fit = Fit.COMPATIBLE) -> Finding:
    """Return a change that another statement of the same form puts back."""
    effect = Effect(does="change", what=what, aspect=aspect)
    return Finding(Kind.REVERSIBLE, reason, fit, effects=(effect,))


def enumerated(tree: ast.AlterEnumStmt) -> Finding:
    """Judge ALTER TYPE ... ADD VALUE and RENAME VALUE."""
    what = f"type {joined(tree.typeName)}"
    if tree.oldVal:
        return changed(
            what, "value", f"renames value '{tree.oldVal}' of {what} to '{tree.newVal}'",
            Fit.CONTRACT,
        )  # fmt: skip
    reason = (
        f"adds value '{tree.newVal}' to {what}: PostgreSQL takes no value from an enum; before "
        "version 12 it also refuses this inside a transaction"
    )
    return Finding(
        Kind.IRREVERSIBLE, reason, effects=(Effect(does="change", what=what, aspect="values"),)
    )


def domain(tree: ast.AlterDomainStmt) -> Finding:
    """Judge ALTER DOMAIN."""
    what = f"domain {joined(tree.typeName)}"
    match tree.subtype:
        case "T":
            fit = Fit.COMPATIBLE if tree.def_ is not None else Fit.CONTRACT
            return changed(what, "default", f"changes the default of {what}", fit)
        case "N":
            return changed(what, "not null", f"{what} takes NULL from now on")
        case "O":
            found = changed(what, "not null", f"{what} refuses NULL from now on", Fit.CONTRACT)
        case "C":
            reason = f"adds a constraint to {what}, which may refuse what a previous version writes"
            name = tree.def_.conname if isinstance(tree.def_, ast.Constraint) else ""
            effect = Effect(
                does="add", what=f"constraint {joined(tree.typeName)}.{name}", inside=(what,)
            )
            found = Finding(Kind.ADDITIVE, reason, Fit.CONTRACT, effects=(effect,))
            if isinstance(tree.def_, ast.Constraint) and tree.def_.skip_validation:
                return found
        case "X":
            effect = Effect(does="drop", what=f"constraint {joined(tree.typeName)}.{tree.name}")
            reason = f"drops constraint {tree.name} of {what}"
            return Finding(Kind.REVERSIBLE, reason, effects=(effect,))
        case _:
            found = Finding(Kind.ADDITIVE, f"checks the values that are there against {what}")
    return replace(found, blocks=Blocks.WRITERS, blocking=f"every column of {what} is read through")


def composite(tree: ast.AlterTableStmt) -> Finding:
    """Judge ALTER TYPE of a composite type: attributes are added, dropped, given another type."""
    what = f"type {relation(tree.relation)}"
    subtypes = [c.subtype for c in tree.cmds or () if isinstance(c, ast.AlterTableCmd)]
    effect = Effect(does="change", what=what, aspect="attributes")
    if enums.AlterTableType.AT_DropColumn in subtypes:
        reason = f"drops an attribute of {what}, with every value stored of it"
        return Finding(Kind.LOSSY, reason, Fit.CONTRACT, effects=(effect,))
    if set(subtypes) == {enums.AlterTableType.AT_AddColumn}:
        reason = f"adds an attribute to {what}: code that writes the whole value may fail"
        return Finding(Kind.REVERSIBLE, reason, Fit.UNCLEAR, effects=(effect,))
    reason = f"changes an attribute of {what}: what becomes of stored values is not known here"
    return Finding(Kind.UNKNOWN, reason, Fit.UNCLEAR, effects=(effect,))


def sequence(tree: ast.AlterSeqStmt) -> Finding:
    """Judge ALTER SEQUENCE."""
    what = f"sequence {relation(tree.sequence)}"
    names = {o.defname for o in tree.options or () if isinstance(o, ast.DefElem)}
    if "restart" in names:
        reason = f"restarts {what}: the number that it had reached is lost"
        effect = Effect(does="data", what=what)
        return Finding(Kind.LOSSY, reason, Fit.UNCLEAR, effects=(effect,))
    fit = Fit.COMPATIBLE if names <= {"owned_by", "cache", "maxvalue"} else Fit.UNCLEAR
    return changed(what, "definition", f"changes how {what} counts", fit)


def transaction(tree: ast.TransactionStmt, known: Known) -> Finding:
    """Judge BEGIN, COMMIT and their kin."""
    if tree.kind in _UNDOES:
        known.forget_made()
        reason = "ROLLBACK takes back statements before it: what is left is not told by this text"
        return Finding(Kind.UNKNOWN, reason, Fit.UNCLEAR)
    if tree.kind in _TWO_PHASE:
        reason = "a prepared transaction ends elsewhere: what becomes of it is not told here"
        return Finding(Kind.UNKNOWN, reason, Fit.UNCLEAR)
    return NOTHING


def setting(tree: ast.VariableSetStmt, known: Known) -> Finding:
    """Judge SET and RESET, which end with the session."""
    if tree.name in ("search_path", "role", "session_authorization", None):
        known.forget_made()
    if tree.name == "session_replication_role":
        reason = "turns triggers and foreign keys off for this session: what then is written is "
        return Finding(Kind.UNKNOWN, reason + "not checked", Fit.UNCLEAR)
    return Finding(Kind.ADDITIVE, f"sets {tree.name or 'settings'} for this session alone")


def rights(tree: ast.GrantStmt) -> Finding:
    """Judge GRANT and REVOKE on objects."""
    objects = [
        relation(o) if isinstance(o, ast.RangeVar)
        else signature(o) if isinstance(o, ast.ObjectWithArgs) else joined(o)
        for o in tree.objects or ()
    ]  # fmt: skip
    noun = noun_of(tree.objtype)
    everything = tree.targtype == enums.GrantTargetType.ACL_TARGET_ALL_IN_SCHEMA
    what = (
        f"all {noun}s in schema {', '.join(objects)}"
        if everything
        else (f"{noun} {', '.join(objects)}")
    )
    if tree.is_grant:
        # Some of it may have been granted before: taking all away would then be too much.
        return Finding(
            Kind.ADDITIVE, f"grants rights on {what}",
            effects=(Effect(does="change", what=what, aspect="rights", to="granted"),),
        )  # fmt: skip
    return Finding(
        Kind.REVERSIBLE, f"revokes rights on {what}, which a previous version may use",
        Fit.CONTRACT, effects=(Effect(does="change", what=what, aspect="rights", to="revoked"),),
    )  # fmt: skip


def upkeep(tree: ast.Node) -> Finding | None:
    """Judge what changes no value, and may take long; None for anything else."""
    match tree:
        case ast.VacuumStmt():
            names = {o.defname for o in tree.options or () if isinstance(o, ast.DefElem)}
            if "full" in names:
                return Finding(
                    Kind.ADDITIVE, "packs tables anew; no value changes", Fit.COMPATIBLE,
                    Blocks.EVERYONE, "every row is written anew", outside_transaction=True,
                )  # fmt: skip
            said = "clears away dead rows" if tree.is_vacuumcmd else "counts values for the planner"
            return Finding(
                Kind.ADDITIVE,
                f"{said}; no value changes",
                outside_transaction=tree.is_vacuumcmd or False,
            )
        case ast.ClusterStmt():
            return Finding(
                Kind.ADDITIVE, "orders rows by an index; no value changes", Fit.COMPATIBLE,
                Blocks.EVERYONE, "every row is written anew",
            )  # fmt: skip
        case ast.ReindexStmt():
            names = {o.defname for o in tree.params or () if isinstance(o, ast.DefElem)}
            if "concurrently" in names:
                return Finding(
                    Kind.ADDITIVE, "builds indexes anew; no value changes", outside_transaction=True
                )
            return Finding(
                Kind.ADDITIVE, "builds indexes anew; no value changes", Fit.COMPATIBLE,
                Blocks.WRITERS, "the table is read through",
            )  # fmt: skip
        case ast.RefreshMatViewStmt():
            what = f"materialized view {relation(tree.relation)}"
            reason = f"computes {what} anew from what it shows"
            if tree.concurrent:
                return Finding(Kind.ADDITIVE, reason)
            return Finding(
                Kind.ADDITIVE, reason, Fit.COMPATIBLE, Blocks.EVERYONE, "its query runs meanwhile"
            )
        case ast.LockStmt():
            tables = [relation(r) for r in tree.relations or () if isinstance(r, ast.RangeVar)]
            return Finding(
                Kind.ADDITIVE, f"locks table {', '.join(tables)} until the transaction ends",
                Fit.COMPATIBLE, Blocks.EVERYONE, "the lock is held until the transaction ends",
            )  # fmt: skip
        case _:
            return None


def untold(tree: ast.Node) -> Finding:
    """Return that a statement's text does not say what it does, and why."""
    match tree:
        case ast.DoStmt():
            reason = "a DO block runs a program: what it changes is not told by its text"
        case ast.CallStmt():
            name = joined(tree.funccall.funcname) if tree.funccall else "?"
            reason = f"calls procedure {name}(): what it changes is not told by this text"
        case ast.ExecuteStmt() | ast.PrepareStmt():
            reason = f"runs a statement by name ({tree.name}): what that does is not told here"
        case ast.ExplainStmt():
            reason = "EXPLAIN may run what it explains"
        case ast.NotifyStmt():
            reason = f"notifies the listeners of {tree.conditionname}: what they do is not known"
        case ast.CreateSubscriptionStmt() | ast.AlterSubscriptionStmt():
            reason = f"subscription {tree.subname} brings rows from another server"
        case ast.AlterSystemStmt():
            reason = "changes settings of the whole server (ALTER SYSTEM)"
        case _:
            name = type(tree).__name__.removesuffix("Stmt")
            reason = f"what {name} does to a schema is not known here"
    return Finding(Kind.UNKNOWN, reason, Fit.UNCLEAR)
