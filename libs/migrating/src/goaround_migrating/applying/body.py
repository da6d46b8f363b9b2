"""What a file holds, as it is to be run: inside a transaction, or alone outside of one. Pure."""

import re
from dataclasses import dataclass

from goaround_migrating.applying.refusal import Refusal
from goaround_migrating.classifying import classify
from goaround_migrating.verdicts import Statement

_BEGINS = re.compile(r"(BEGIN|START\s+TRANSACTION)\b", re.IGNORECASE)
_COMMITS = re.compile(r"(COMMIT|END)\b(?!\s+PREPARED)", re.IGNORECASE)
_ENDS = re.compile(
    r"(BEGIN|START\s+TRANSACTION|COMMIT|END|ABORT|PREPARE\s+TRANSACTION"
    r"|ROLLBACK(?!\s+((WORK|TRANSACTION)\s+)?TO\b))\b",
    re.IGNORECASE,
)
_SETS = re.compile(r"(SET|RESET)\b", re.IGNORECASE)
_ROWS = re.compile(r"COPY\b.*\bFROM\s+STDIN\b", re.IGNORECASE | re.DOTALL)
_SHOWN = 60
"""Letters of a statement in a sentence."""


@dataclass(frozen=True)
class Body:
    """The statements of one way of one file. `outside`: PostgreSQL refuses one in a transaction."""

    statements: tuple[Statement, ...]
    outside: bool = False


def body_of(text: str, file: str) -> Body:
    """Return what a file's text is to run.

    A file is one transaction: BEGIN and COMMIT around all of it say nothing new. A statement that
    PostgreSQL refuses in a transaction stands alone in its file, but for settings of the session.

    Raises:
        Refusal: it could not be run as a whole.
    """
    statements = classify(text).statements
    wrapped = (
        len(statements) > 1
        and _BEGINS.match(statements[0].sql) is not None
        and _COMMITS.match(statements[-1].sql) is not None
    )
    if wrapped:
        statements = statements[1:-1]
    for statement in statements:
        if _ENDS.match(statement.sql):
            raise Refusal(
                f"{at(file, statement)}: a file is applied as one transaction, and this begins or "
                f"ends another; remove it, or split the file there"
            )
        if _ROWS.match(statement.sql):
            raise Refusal(
                f"{at(file, statement)}: rows in the text are for psql alone; write INSERT"
            )
    outside = next((s for s in statements if s.outside_transaction), None)
    if outside is None:
        return Body(statements)
    other = next((s for s in statements if s is not outside and not _SETS.match(s.sql)), None)
    if wrapped or other is not None:
        raise Refusal(
            f"{at(file, outside)}: PostgreSQL refuses this inside a transaction, so that it "
            + ("cannot stand between BEGIN and COMMIT" if wrapped else "must stand alone")
            + "; put it in a file of its own"
        )
    return Body(statements, outside=True)


def at(file: str, statement: Statement, further: int = 0) -> str:
    """Return a statement's place, and its beginning: `0003_note.up.sql:7: ALTER TABLE ...`."""
    told = " ".join(statement.sql.split())
    told = told if len(told) <= _SHOWN else f"{told[: _SHOWN - 4]} ..."
    return f"{file}:{statement.line + further}: `{told}`"
