"""What a row of statements would lose, by name, from their text. Pure.

What the text does not tell cannot be kept: then there is no word for what would be lost, and the
revert is not to be run.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from goaround_migrating.bookkeeping import BOOKKEEPING
from goaround_migrating.classifying import follow, schema
from goaround_migrating.netting import before
from goaround_migrating.verdicts import Effect, Kind, Statement

Reach = Literal["itself", "dependents", "referrers", "all referrers"]
"""How far a loss goes: the object; all that depends on it (CASCADE); the tables whose rows follow
its rows by their foreign keys; all tables that refer to it (TRUNCATE ... CASCADE)."""


class NotKept(Exception):
    """Why what a revert would lose was not copied, with the next step. Then nothing was."""


class Loss(NamedTuple):
    """One object that holds what would be lost, named as it is before the first statement."""

    noun: str
    name: str
    reach: Reach
    perhaps: bool = False
    """Whether it need not be there (IF EXISTS)."""

    def __str__(self) -> str:
        """Return its name with its noun."""
        return f"{self.noun} {self.name}"


_HOLD = ("table", "column", "sequence")
_HAVE_DEPENDENTS = (
    *_HOLD, "type", "domain", "schema", "extension", "view", "materialized view", "foreign table",
    "collation",
)  # fmt: skip
_HOLD_NOTHING = ("index", "constraint", "trigger", "rule", "policy", "statistics", "event trigger")
"""What depends on these is form as well."""
_NOUNS = sorted({*_HAVE_DEPENDENTS, *_HOLD_NOTHING}, key=len, reverse=True)
_IF_EXISTS = re.compile(r"\bIF\s+EXISTS\b", re.IGNORECASE)
_STORED = ("type", "attributes")
"""Of a change: aspects of which the text tells where the values are that it touches."""


def losses(downs: Sequence[str], types: Mapping[str, str]) -> tuple[Loss, ...]:
    """Return what these statements, run in this order, would lose.

    `types` are the columns' present ones.

    Raises:
        NotKept: a statement does not say what it touches.
    """
    now = schema(types, BOOKKEEPING)
    found: list[Loss] = []
    renames: list[Effect] = []
    for text in downs:
        for statement in follow(text, now).statements:
            found += _of_statement(statement, renames)
            renames += (e for e in statement.effects if e.does == "rename")
    return tuple(dict.fromkeys(found))


def _of_statement(statement: Statement, renames: list[Effect]) -> list[Loss]:
    if statement.kind.can_be_undone:
        return []
    lost = list(_of_effects(statement, renames))
    # Each statement that loses something is to be answered for, and one that cannot is refused.
    if statement.kind is Kind.UNKNOWN and not _only_retypes(statement.effects):
        raise _untold(statement)
    if not lost and not _touches_bookkeeping_alone(statement.effects):
        raise _untold(statement)
    return lost


def _untold(statement: Statement) -> NotKept:
    return NotKept(
        f"the way back, line {statement.line}: {statement.reason}; what it would lose cannot be "
        "copied by its text: copy it by hand and revert by hand, or keep the schema "
        "(on_rollback: keep)"
    )


def _only_retypes(effects: Sequence[Effect]) -> bool:
    return bool(effects) and all(e.does == "change" and e.aspect in _STORED for e in effects)


def _touches_bookkeeping_alone(effects: Iterable[Effect]) -> bool:
    names = [e.what.rpartition(" ")[2].rpartition(".")[2] for e in effects]
    return bool(names) and all(name in BOOKKEEPING for name in names)


def _of_effects(statement: Statement, renames: list[Effect]) -> Iterator[Loss]:
    perhaps = bool(_IF_EXISTS.search(statement.sql))
    for told in statement.effects:
        effect = before((*renames, told))[-1] if told.does != "rename" else told
        noun, name = _split(effect.what)
        if noun == "table" and name.rpartition(".")[2] in BOOKKEEPING:
            continue
        match effect.does:
            case "drop" if effect.cascade or noun == "extension":
                if noun in _HAVE_DEPENDENTS:
                    yield Loss(noun, name, "dependents", perhaps)
                elif noun not in _HOLD_NOTHING:
                    raise _untold(statement)
            case "drop" if effect.holds:
                if noun not in _HOLD:
                    raise _untold(statement)
                yield Loss(noun, name, "itself", perhaps)
            case "change" if effect.aspect == "type":
                yield Loss(noun, name, "itself", perhaps)
            case "change" if effect.aspect == "attributes":
                yield Loss(noun, name, "dependents", perhaps)
            case "change" if effect.aspect == "identity":
                yield Loss("numbering", name, "itself", perhaps)
            case "data" if noun in ("table", "sequence"):
                emptied = "(CASCADE)" in statement.reason
                yield Loss(noun, name, _reach_of_rows(noun, emptied=emptied), perhaps)
            case "data":
                raise _untold(statement)
            case _:
                continue


def _reach_of_rows(noun: str, *, emptied: bool) -> Reach:
    if noun == "sequence":
        return "itself"
    return "all referrers" if emptied else "referrers"


def _split(what: str) -> tuple[str, str]:
    for noun in _NOUNS:
        if what.startswith(f"{noun} "):
            return noun, what[len(noun) + 1 :]
    noun, _, name = what.partition(" ")
    return noun, name
