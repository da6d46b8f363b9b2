"""What may be done to a schema, by the SQL that would do it and by what a guide or person allows.

Pure. Forward it is the last line of defence: pre-flight has asked the same. Backward it decides
whether anything is run at all: a value written meanwhile is never dropped without a word.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from goaround_deployer.procedure import Target
from goaround_deployer.tooling import WHOLE
from goaround_migrating import Fit, Kind, Migration, Revert, Statement, classify, classify_revert
from goaround_migrating.tools import Script
from goaround_schemas.guide.step import Loss, Migrations

NO_WAY = "the guide has no way back (deploy: migrations: revert)"
_MOST_NAMED = 3
_LONGEST_STATEMENT = 120


@dataclass(frozen=True, slots=True)
class WayBack:
    """What is to be done about the schema, and why.

    `go`: revert. `copy`: copy first what the revert drops; where `must_copy`, there is no revert
    without. `keep`: it stays, and the previous version can live with it. `refuse`: it stays, since
    going back would lose what nobody allowed to lose. `none`: it should go back, and cannot.
    """

    do: Literal["go", "copy", "keep", "refuse", "none"]
    why: str = ""
    downs: tuple[str, ...] = ()
    must_copy: bool = True


def refusal(
    scripts: tuple[Script, ...], allow: frozenset[Loss], types: Mapping[str, str], deploy: str
) -> str | None:
    """Say why what is pending is not applied; None if it may be.

    `deploy` is the command line that would ask for the same once more.
    """
    refused = [
        (script, migration)
        for script in scripts
        if not covered(migration := classify(script.up, types=types), allow)
    ]
    if not refused:
        return None
    script, migration = refused[0]
    others = ", ".join(_named(s) for s, _ in refused[1 : _MOST_NAMED + 1])
    others = f"; and what else is refused: {others}{_and_more(len(refused) - 1)}" if others else ""
    word = "lossy" if all(m.kind is Kind.LOSSY for _, m in refused) else "irreversible"
    return (
        f"{_named(script)} is {migration.kind}: {_worst(migration)}{others}. Nothing was applied. "
        f"{_to_allow(word, f'{deploy} --allow {word} --reason ...')}"
    )


def untold_refusal(why: str, allow: frozenset[Loss], deploy: str) -> str | None:
    """Say why what nobody can tell is not applied: unknown counts as irreversible."""
    if "irreversible" in allow:
        return None
    return (
        f"what is pending cannot be told ({why}), and unknown counts as irreversible. Nothing was "
        f"applied. {_to_allow('irreversible', f'{deploy} --allow irreversible --reason ...')}"
    )


def covered(migration: Migration, allow: frozenset[Loss]) -> bool:
    """Whether what a migration does is let through: who lets all go lets some of it go too."""
    return _covers(migration.kind, allow)


def way_back(
    migrations: Migrations,
    scripts: tuple[Script, ...] | None,
    untold: str,
    target: Target,
    allow: frozenset[Loss],
) -> WayBack:
    """Say what becomes of the schema. `scripts` is what was applied; None: nobody can tell."""
    types = target.seen.column_types
    fit = (
        Fit.worst(classify(script.up, types=types).fit for script in scripts)
        if scripts is not None
        else None
    )
    if migrations.on_rollback == "keep" and fit is not Fit.CONTRACT:
        return WayBack("keep", f"the guide keeps it, and {_FITS[fit]}")
    one_way = [s for s in scripts or () if s.down is None and not s.down_untold]
    if migrations.revert is None or one_way:
        if fit is Fit.COMPATIBLE:
            lacking = f"{_named(one_way[0])} has" if one_way else "the guide has"
            return WayBack("keep", f"{lacking} no way back, and {_FITS[fit]}")
        return WayBack("none", _no_way(one_way))
    if not migrations.can_be_judged:
        return WayBack("go")
    if scripts is None:
        return _unknown([f"what a revert would drop cannot be told: {untold}"], (), allow)
    return _judged(scripts, types, allow)


_FITS = {
    Fit.COMPATIBLE: "what was applied leaves the previous version alone",
    Fit.UNCLEAR: "whether the previous version can live with it shows in its health",
    None: "whether the previous version can live with it shows in its health",
}


def _judged(
    scripts: tuple[Script, ...], types: Mapping[str, str], allow: frozenset[Loss]
) -> WayBack:
    downs = tuple(s.down for s in reversed(scripts) if s.down is not None)
    found = [(s, classify_revert(s.up, s.down or "", types=types)) for s in reversed(scripts)]
    unknown = list(_unclear(found))
    if unknown:
        return _unknown(unknown, downs, allow)
    lost = [f"{_named(script)}, {why}" for script, revert in found for why in revert.lost]
    if not lost:
        return WayBack("go")
    if not _covers(Kind.LOSSY, allow):
        return WayBack("refuse", f"{_few(lost)}. {_to_allow('lossy')}")
    return WayBack("copy", _few(lost), downs, must_copy="irreversible" not in allow)


def _unclear(found: Iterable[tuple[Script, Revert]]) -> Iterator[str]:
    for script, revert in found:
        if script.down_untold:
            yield f"{_named(script)}: {script.down_untold}"
        elif revert.kind is Kind.UNKNOWN:
            yield from (f"{_named(script)}, {why}" for why in revert.unclear)


def _unknown(why: list[str], downs: tuple[str, ...], allow: frozenset[Loss]) -> WayBack:
    if "irreversible" not in allow:
        return WayBack("refuse", f"{_few(why)}. {_to_allow('irreversible')}")
    return WayBack("copy", _few(why), downs, must_copy=False)


def _covers(kind: Kind, allow: frozenset[Loss]) -> bool:
    if kind.can_be_undone or "irreversible" in allow:
        return True
    return kind is Kind.LOSSY and "lossy" in allow


def _to_allow(word: str, command: str = "") -> str:
    if command:
        return f"To allow it: `allow: [{word}]` in deploy.migrations of the guide, or {command}"
    return (
        f"To allow it: `allow_revert: [{word}]` in deploy.migrations of the guide, or asking for "
        f"it with allow {word} and a reason"
    )


def _no_way(one_way: list[Script]) -> str:
    if one_way:
        return f"{_named(one_way[0])} has no down"
    return NO_WAY


def _worst(migration: Migration) -> str:
    worst = [s for s in migration.statements if s.kind is migration.kind]
    return "; ".join(_told(s) for s in worst[:_MOST_NAMED]) + _and_more(len(worst))


def _told(statement: Statement) -> str:
    sql = " ".join(statement.sql.split())
    if len(sql) > _LONGEST_STATEMENT:
        sql = f"{sql[: _LONGEST_STATEMENT - 1]}…"
    return f"line {statement.line} {statement.reason} (`{sql}`)"


def _few(sentences: list[str]) -> str:
    return "; ".join(sentences[:_MOST_NAMED]) + _and_more(len(sentences))


def _and_more(of: int) -> str:
    return f" and {of - _MOST_NAMED} more" if of > _MOST_NAMED else ""


def _named(script: Script) -> str:
    if script.version == WHOLE:
        return "what `sql` prints"
    name = f" ({script.name})" if script.name else ""
    return f"migration {script.version}{name}"
