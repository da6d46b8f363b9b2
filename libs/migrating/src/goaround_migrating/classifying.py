"""What a migration does, from its SQL alone: each statement's kind, and why.

Pure: asks no database. What a text does not tell is unknown, and unknown counts as irreversible.
"""

from collections.abc import Mapping
from functools import cache

from goaround_migrating.bookkeeping import BOOKKEEPING
from goaround_migrating.parsing import Piece, pieces
from goaround_migrating.rules import Finding, Known, column_type, judged, known
from goaround_migrating.verdicts import Blocks, Fit, Kind, Migration, Statement


def classify(
    sql: str,
    *,
    types: Mapping[str, str] | None = None,
    bookkeeping: frozenset[str] = BOOKKEEPING,
) -> Migration:
    """Return what each statement of a migration does; never raises on a text.

    `types` says which type a column has before the migration (`{"orders.note": "varchar(10)"}`),
    as `Fingerprint.column_types` tells it: without it, a change of type is unknown. What the
    migration itself makes is known: nothing that is done to it can lose anything.
    """
    return follow(sql, schema(types or {}, bookkeeping))


def schema(types: Mapping[str, str], bookkeeping: frozenset[str]) -> Known:
    """Return what is known before a migration."""
    return known({c: _normal(t) for c, t in types.items()}, bookkeeping)


def follow(sql: str, now: Known) -> Migration:
    """Judge a migration on a schema, and leave in `now` what is known once it is applied."""
    return Migration(statements=tuple(_statement(piece, now) for piece in pieces(sql)))


@cache
def _normal(text: str) -> str:
    """Return a type as the rules write it: `varchar(10)` as `character varying(10)`."""
    found = pieces(f"SELECT NULL::{text}")
    tree = found[0].tree if len(found) == 1 else None
    return column_type(tree) if tree is not None else text


def _statement(piece: Piece, now: Known) -> Statement:
    if piece.tree is None:
        # What cannot be read may have renamed or dropped what was made before it.
        now.forget_made()
        found: tuple[Finding, ...] = (Finding(Kind.UNKNOWN, piece.problem, Fit.UNCLEAR),)
    else:
        found = judged(piece.tree, now)
    kind = Kind.worst(f.kind for f in found)
    if kind is Kind.UNKNOWN:
        now.forget_made()
    blocks = Blocks.worst(f.blocks for f in found)
    return Statement(
        line=piece.line,
        sql=piece.sql,
        kind=kind,
        reason=_reason(found),
        fit=Fit.worst(f.fit for f in found),
        blocks=blocks,
        blocking=next((f.blocking for f in found if f.blocks is blocks), ""),
        outside_transaction=any(f.outside_transaction for f in found),
        effects=tuple(e for f in found for e in f.effects),
    )


def _reason(found: tuple[Finding, ...]) -> str:
    """Tell the parts, the worst first; that one part reads is no news beside what others do."""
    order = list(Kind)
    parts = sorted(found, key=lambda f: -order.index(f.kind))
    told = list(dict.fromkeys(f.reason for f in parts))
    if len(told) > 1:
        told = [t for t in told if not t.startswith("reads, and")]
    return "; ".join(told)
