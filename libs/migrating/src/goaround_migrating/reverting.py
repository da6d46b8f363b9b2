"""Whether a down-migration takes back what its up-migration did, and what that would cost.

Pure, and from the two texts alone. It finds what is forgotten before anything runs; that the form
of the schema is what it was, the fingerprint proves afterwards.
"""

from collections.abc import Iterable, Iterator, Mapping

from goaround_migrating.bookkeeping import BOOKKEEPING
from goaround_migrating.classifying import follow, schema
from goaround_migrating.netting import after, before, find, within
from goaround_migrating.verdicts import Effect, Kind, Migration, Revert, Statement


def classify_revert(
    up: str,
    down: str,
    *,
    types: Mapping[str, str] | None = None,
    bookkeeping: frozenset[str] = BOOKKEEPING,
) -> Revert:
    """Return what the down does with what the up did; never raises on a text.

    Anything written between the two to what the up added is lost by the down, and named in `lost`.
    """
    now = schema(types or {}, bookkeeping)
    forth = follow(up, now)
    # Between the two, others used what the up made.
    now.made.clear()
    back = follow(down, now)
    done = after(e for s in forth.statements for e in s.effects)
    undone = before(e for s in back.statements for e in s.effects)
    unclear = (*_unclear("up", forth), *_unclear("down", back), *_perhaps_new(done, undone))
    missing = tuple(_missing(done, undone))
    extra = tuple(_extra(done, undone))
    lost = tuple(_lost(back, done))
    not_restored = tuple(dict.fromkeys(_not_restored(forth, done, undone)))
    return Revert(
        kind=_kind(bool(unclear), bool(missing or extra), bool(lost or not_restored)),
        lost=lost,
        not_restored=not_restored,
        missing=missing,
        extra=extra,
        unclear=unclear,
    )


def _kind(unclear: bool, strays: bool, loses: bool) -> Kind:
    if unclear:
        return Kind.UNKNOWN
    if strays:
        return Kind.IRREVERSIBLE
    return Kind.LOSSY if loses else Kind.REVERSIBLE


def _unclear(which: str, migration: Migration) -> Iterator[str]:
    for statement in migration.statements:
        if statement.kind is Kind.UNKNOWN:
            yield f"the {which}, line {statement.line}: {statement.reason}"


def _perhaps_new(done: tuple[Effect, ...], undone: tuple[Effect, ...]) -> Iterator[str]:
    """What the up put a new definition for, and the down drops."""
    for effect in _of(done, "change"):
        if effect.aspect == "definition" and find(undone, "drop", effect.what):
            yield f"the down drops {effect.what}: whether it was there before the up is not told"


def _missing(done: tuple[Effect, ...], undone: tuple[Effect, ...]) -> Iterator[str]:
    gone = [e.what for e in _of(undone, "drop")]
    for effect in done:
        if effect.does == "add":
            if not find(undone, "drop", effect.what) and not within(effect, gone):
                yield f"does not drop {effect.what}, which the up added"
        elif effect.does == "drop":
            if not find(undone, "add", effect.what):
                yield f"does not put back {effect.what}, which the up dropped"
        elif effect.does == "rename":
            back = find(undone, "rename", effect.to)
            if back is None or back.to != effect.what:
                yield f"does not rename {effect.to} back to {effect.what.partition(' ')[2]}"
        elif effect.does == "change" and not within(effect, gone):
            back = find(undone, "change", effect.what, effect.aspect)
            if back is None or (effect.aspect in _TWO_WAYS and back.to == effect.to):
                yield f"does not change back {effect.what}: its {effect.aspect}"


_TWO_WAYS = ("not null", "rights", "identity")
"""What is either so or not, so that saying it again takes nothing back."""


def _extra(done: tuple[Effect, ...], undone: tuple[Effect, ...]) -> Iterator[str]:
    # What the up dropped comes back with all that lay on it.
    put_back = [e.what for e in _of(done, "drop")]
    made = [e.what for e in _of(done, "add")]
    for effect in undone:
        if within(effect, put_back):
            continue
        if effect.does == "drop" and not find(done, "add", effect.what):
            known = find(done, "change", effect.what, "definition")
            # An index made for an added column, say, may go before the column does.
            if not known and not within(effect, made):
                yield f"drops {effect.what}, which the up did not add"
        elif effect.does == "add" and not find(done, "drop", effect.what):
            yield f"adds {effect.what}, which the up did not drop"
        elif effect.does == "rename" and not _is_renamed_back(effect, done):
            yield f"renames {effect.what} to {effect.to.partition(' ')[2]}, as the up did not"
        elif effect.does == "change" and not (
            within(effect, made) or find(done, "change", effect.what, effect.aspect)
        ):
            yield f"changes {effect.what} ({effect.aspect}), which the up did not"


def _is_renamed_back(effect: Effect, done: tuple[Effect, ...]) -> bool:
    return any(e.to == effect.what and e.what == effect.to for e in _of(done, "rename"))


def _lost(back: Migration, done: tuple[Effect, ...]) -> Iterator[str]:
    """What the down throws away: written since the up, or before it."""
    for statement in back.statements:
        if statement.kind in (Kind.LOSSY, Kind.IRREVERSIBLE) and not _only_empty(statement, done):
            yield f"line {statement.line}: {statement.reason}"


def _only_empty(statement: Statement, done: tuple[Effect, ...]) -> bool:
    """Whether all that a statement drops was added by the up and holds nothing of its own."""
    if any(e.does != "drop" or e.cascade for e in statement.effects):
        return False
    added = [find(done, "add", e.what) for e in statement.effects]
    return bool(added) and all(e is not None and not e.holds for e in added)


def _not_restored(
    forth: Migration, done: tuple[Effect, ...], undone: tuple[Effect, ...]
) -> Iterator[str]:
    for effect in _of(done, "drop"):
        if effect.holds and find(undone, "add", effect.what):
            yield f"{effect.what} comes back without what it held"
    gone = [e.what for e in _of(undone, "drop")]
    for statement in forth.statements:
        written = [e for e in _of(statement.effects, "data") if not within(e, gone)]
        touched = [e for e in written if find(undone, "data", e.what)]
        if written and statement.kind is not Kind.REVERSIBLE:
            yield f"the up, line {statement.line}: {statement.reason}"
        elif len(touched) < len(written):
            names = ", ".join(e.what for e in written)
            yield f"the up, line {statement.line}: the rows that it added to {names} stay"
    for statement in forth.statements:
        retyped = any(e.does == "change" and e.aspect == "type" for e in statement.effects)
        if retyped and statement.kind is Kind.LOSSY:
            yield f"the up, line {statement.line}: {statement.reason}"


def _of(effects: Iterable[Effect], does: str) -> list[Effect]:
    return [e for e in effects if e.does == does]
