"""ALTER TABLE and its kin, one command of the statement at a time."""

from collections.abc import Iterator
from dataclasses import replace

from pglast import ast, enums

from goaround_migrating.rules import columns, constraints
from goaround_migrating.rules.finding import Finding, Known
from goaround_migrating.rules.naming import relation
from goaround_migrating.verdicts import Blocks, Effect, Fit, Kind

_A = enums.AlterTableType
_CASCADE = enums.DropBehavior.DROP_CASCADE

_SETTINGS: dict[_A | None, tuple[str, Fit, Blocks, str]] = {
    _A.AT_SetStatistics: ("what is counted of a column", Fit.COMPATIBLE, Blocks.NOBODY, ""),
    _A.AT_SetOptions: ("options of a column", Fit.COMPATIBLE, Blocks.NOBODY, ""),
    _A.AT_ResetOptions: ("options of a column", Fit.COMPATIBLE, Blocks.NOBODY, ""),
    _A.AT_SetStorage: ("how a column is stored", Fit.COMPATIBLE, Blocks.BRIEFLY, ""),
    _A.AT_SetCompression: ("how a column is compressed", Fit.COMPATIBLE, Blocks.BRIEFLY, ""),
    _A.AT_SetRelOptions: ("storage settings", Fit.COMPATIBLE, Blocks.BRIEFLY, ""),
    _A.AT_ResetRelOptions: ("storage settings", Fit.COMPATIBLE, Blocks.BRIEFLY, ""),
    _A.AT_ClusterOn: ("the index to cluster by", Fit.COMPATIBLE, Blocks.BRIEFLY, ""),
    _A.AT_DropCluster: ("the index to cluster by", Fit.COMPATIBLE, Blocks.BRIEFLY, ""),
    _A.AT_ReplicaIdentity: ("the replica identity", Fit.COMPATIBLE, Blocks.BRIEFLY, ""),
    _A.AT_ChangeOwner: ("the owner", Fit.UNCLEAR, Blocks.BRIEFLY, ""),
    _A.AT_SetTableSpace: ("the tablespace", Fit.COMPATIBLE, Blocks.EVERYONE, "it is copied"),
    _A.AT_SetAccessMethod: (
        "the access method", Fit.COMPATIBLE, Blocks.EVERYONE, "every row is written anew"
    ),
    _A.AT_SetLogged: (
        "to be logged", Fit.COMPATIBLE, Blocks.EVERYONE, "every row is written anew"
    ),
    _A.AT_SetUnLogged: (
        "to be unlogged, so that a crash empties it", Fit.COMPATIBLE, Blocks.EVERYONE,
        "every row is written anew",
    ),
    _A.AT_EnableRowSecurity: (
        "row level security on: rows without a policy vanish for all but the owner",
        Fit.CONTRACT, Blocks.BRIEFLY, "",
    ),
    _A.AT_DisableRowSecurity: (
        "row level security off: every row can be seen", Fit.UNCLEAR, Blocks.BRIEFLY, ""
    ),
    _A.AT_ForceRowSecurity: (
        "row level security for the owner too", Fit.CONTRACT, Blocks.BRIEFLY, ""
    ),
    _A.AT_NoForceRowSecurity: (
        "row level security not for the owner", Fit.UNCLEAR, Blocks.BRIEFLY, ""
    ),
    _A.AT_AddInherit: ("its parent", Fit.UNCLEAR, Blocks.BRIEFLY, ""),
    _A.AT_DropInherit: ("its parent: its rows leave the parent", Fit.CONTRACT, Blocks.BRIEFLY, ""),
    _A.AT_AddOf: ("the type that it follows", Fit.COMPATIBLE, Blocks.BRIEFLY, ""),
    _A.AT_DropOf: ("the type that it follows", Fit.COMPATIBLE, Blocks.BRIEFLY, ""),
    _A.AT_GenericOptions: ("options of the foreign table", Fit.UNCLEAR, Blocks.BRIEFLY, ""),
    _A.AT_AlterColumnGenericOptions: (
        "options of a foreign column", Fit.UNCLEAR, Blocks.BRIEFLY, ""
    ),
    _A.AT_AlterConstraint: ("when a constraint is checked", Fit.UNCLEAR, Blocks.BRIEFLY, ""),
}  # fmt: skip
"""Settings that another ALTER puts back: what, and what it means to others."""
_BACK = {
    _A.AT_ResetOptions: _A.AT_SetOptions,
    _A.AT_ResetRelOptions: _A.AT_SetRelOptions,
    _A.AT_DropCluster: _A.AT_ClusterOn,
    _A.AT_SetUnLogged: _A.AT_SetLogged,
    _A.AT_DisableRowSecurity: _A.AT_EnableRowSecurity,
    _A.AT_NoForceRowSecurity: _A.AT_ForceRowSecurity,
    _A.AT_DropInherit: _A.AT_AddInherit,
    _A.AT_DropOf: _A.AT_AddOf,
}
"""The commands that take back another one: they set the same thing."""
_TRIGGERS = {
    _A.AT_EnableTrig, _A.AT_EnableAlwaysTrig, _A.AT_EnableReplicaTrig, _A.AT_DisableTrig,
    _A.AT_EnableTrigAll, _A.AT_DisableTrigAll, _A.AT_EnableTrigUser, _A.AT_DisableTrigUser,
    _A.AT_EnableRule, _A.AT_EnableAlwaysRule, _A.AT_EnableReplicaRule, _A.AT_DisableRule,
}  # fmt: skip


def altered(statement: ast.AlterTableStmt, known: Known) -> Iterator[Finding]:
    """Judge each command of ALTER TABLE (VIEW, INDEX, SEQUENCE, ...)."""
    table = relation(statement.relation)
    # Asked before the commands run: what they themselves make is new to nobody else either.
    new = known.is_new(f"table {table}")
    for command in statement.cmds or ():
        assert isinstance(command, ast.AlterTableCmd)
        of_index = statement.objtype == enums.ObjectType.OBJECT_INDEX
        found = _command(table, command, known, of_index=of_index)
        yield _on_new(found) if new else found


def _on_new(found: Finding) -> Finding:
    """Nobody uses a table that this migration made: nobody waits for it, nothing in it is lost."""
    if found.kind is Kind.UNKNOWN:
        return found
    kind, reason = Kind.ADDITIVE, found.reason
    if found.kind is not Kind.ADDITIVE:
        reason = f"{reason} (on a table that this migration made)"
    return replace(
        found, kind=kind, reason=reason, fit=Fit.COMPATIBLE, blocks=Blocks.NOBODY, blocking=""
    )


def _command(table: str, command: ast.AlterTableCmd, known: Known, *, of_index: bool) -> Finding:
    name, made = command.name, command.def_
    cascade = command.behavior == _CASCADE
    match command.subtype:
        case _A.AT_AddColumn if isinstance(made, ast.ColumnDef):
            return columns.added(table, made, known, if_absent=bool(command.missing_ok))
        case _A.AT_DropColumn:
            return columns.dropped(table, name, known, cascade=cascade)
        case _A.AT_AlterColumnType if isinstance(made, ast.ColumnDef):
            return columns.retyped(table, name, made, known)
        case _A.AT_SetNotNull:
            return columns.not_null(table, name, must=True)
        case _A.AT_DropNotNull:
            return columns.not_null(table, name, must=False)
        case _A.AT_ColumnDefault:
            return columns.default(table, name, given=made is not None)
        case _A.AT_AddConstraint if isinstance(made, ast.Constraint):
            return constraints.added(table, made)
        case _A.AT_DropConstraint:
            return constraints.dropped(table, name, cascade=cascade)
        case _A.AT_ValidateConstraint:
            return constraints.validated(table, name)
        case _A.AT_AttachPartition | _A.AT_DetachPartition | _A.AT_DetachPartitionFinalize:
            if of_index:
                return _index_partition(table, command)
            return _partition(table, command)
        case _A.AT_AddIdentity | _A.AT_SetIdentity | _A.AT_DropIdentity:
            return _identity(table, command)
        case _A.AT_SetExpression | _A.AT_DropExpression:
            return _expression(table, command)
        case None:
            return Finding(Kind.UNKNOWN, f"changes table {table}: how is not told", Fit.UNCLEAR)
        case subtype if subtype in _TRIGGERS:
            what = f"trigger or rule {name}" if name else "the triggers"
            return Finding(
                Kind.REVERSIBLE, f"turns {what} of table {table} on or off", Fit.UNCLEAR,
                Blocks.BRIEFLY, effects=(_change(f"table {table}", f"triggers {name or ''}"),),
            )  # fmt: skip
        case subtype if subtype in _SETTINGS:
            what, fit, blocks, blocking = _SETTINGS[subtype]
            at = f"{table}.{name}" if name and "column" in what else table
            return Finding(
                Kind.REVERSIBLE, f"changes {at}: {what}", fit, blocks, blocking,
                effects=(_change(f"table {table}", _aspect(subtype, name)),),
            )  # fmt: skip
        case subtype:
            reason = f"changes table {table} in a way that is not known here ({subtype.name})"
            return Finding(Kind.UNKNOWN, reason, Fit.UNCLEAR, Blocks.EVERYONE)


def _aspect(subtype: _A, name: str | None) -> str:
    """Return what is set, in the same words for a command and for the one that takes it back."""
    told = _SETTINGS[_BACK.get(subtype, subtype)][0].partition(":")[0].partition(",")[0]
    return f"{told.removesuffix(' on')} ({name})" if name else told.removesuffix(" on")


def _change(what: str, aspect: str, to: str = "") -> Effect:
    return Effect(does="change", what=what, aspect=aspect.strip(), to=to)


def _index_partition(index: str, command: ast.AlterTableCmd) -> Finding:
    part = command.def_
    assert isinstance(part, ast.PartitionCmd)
    name = relation(part.name)
    reason = f"attaches index {name} to index {index}: no ALTER detaches it, only a drop"
    effect = _change(f"index {name}", "partition of", index)
    return Finding(Kind.IRREVERSIBLE, reason, blocks=Blocks.BRIEFLY, effects=(effect,))


def _partition(table: str, command: ast.AlterTableCmd) -> Finding:
    part = command.def_
    assert isinstance(part, ast.PartitionCmd)
    name = relation(part.name)
    if command.subtype == _A.AT_AttachPartition:
        return Finding(
            Kind.ADDITIVE,
            f"attaches table {name} to table {table} as a partition: its rows are seen there",
            Fit.COMPATIBLE,
            Blocks.EVERYONE,
            f"every row of {name} is checked, unless a valid CHECK implies the bounds",
            effects=(_change(f"table {name}", "partition of", table),),
        )
    return Finding(
        Kind.REVERSIBLE,
        f"detaches table {name} from table {table}: its rows stay, but are not seen there",
        Fit.CONTRACT,
        Blocks.NOBODY if part.concurrent else Blocks.BRIEFLY,
        effects=(_change(f"table {name}", "partition of"),),
        outside_transaction=bool(part.concurrent),
    )


def _identity(table: str, command: ast.AlterTableCmd) -> Finding:
    what = columns.column(table, command.name)
    effect = _change(what, "identity", "none" if command.subtype == _A.AT_DropIdentity else "set")
    if command.subtype == _A.AT_AddIdentity:
        reason = f"numbers {what} from now on (identity); values that are there stay"
        return Finding(Kind.REVERSIBLE, reason, Fit.UNCLEAR, Blocks.BRIEFLY, effects=(effect,))
    if command.subtype == _A.AT_DropIdentity:
        reason = f"ends the numbering of {what}: the number that it had reached is lost"
        return Finding(Kind.LOSSY, reason, Fit.CONTRACT, Blocks.BRIEFLY, effects=(effect,))
    options: object = command.def_
    given = options if isinstance(options, tuple) else ()
    names = [o.defname for o in given if isinstance(o, ast.DefElem)]  # pyright: ignore[reportUnknownVariableType]
    if "restart" in names:
        reason = f"restarts the numbering of {what}: the number that it had reached is lost"
        return Finding(Kind.LOSSY, reason, Fit.UNCLEAR, Blocks.BRIEFLY, effects=(effect,))
    reason = f"changes how {what} is numbered"
    return Finding(Kind.REVERSIBLE, reason, Fit.UNCLEAR, Blocks.BRIEFLY, effects=(effect,))


def _expression(table: str, command: ast.AlterTableCmd) -> Finding:
    what = columns.column(table, command.name)
    if command.subtype == _A.AT_DropExpression:
        reason = f"{what} is not generated any more: no ALTER makes a column generated again"
        return Finding(
            Kind.IRREVERSIBLE, reason, Fit.CONTRACT, Blocks.BRIEFLY,
            effects=(_change(what, "expression", "none"),),
        )  # fmt: skip
    reason = f"generates {what} by another expression"
    return Finding(
        Kind.REVERSIBLE, reason, Fit.UNCLEAR, Blocks.EVERYONE, "every row is written anew",
        effects=(_change(what, "expression", "set"),),
    )  # fmt: skip
