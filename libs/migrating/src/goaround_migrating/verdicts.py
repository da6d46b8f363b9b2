"""The words in which a migration is judged, each ordered from harmless to not.

Plain values that can be written down and read again; they decide nothing.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict


class Ordered(StrEnum):
    """Words that get worse in the order in which they are written."""

    @classmethod
    def worst(cls, words: Iterable[Self]) -> Self:
        """Return the worst of the words; the mildest there is where there are none."""
        order = list(cls)
        return max(words, key=order.index, default=order[0])


class Kind(Ordered):
    """How far what a statement does can be undone."""

    ADDITIVE = "additive"
    """It only adds, or changes nothing: what was there stays as it was."""
    REVERSIBLE = "reversible"
    """It changes what was there, and another statement changes it back; nothing is lost."""
    LOSSY = "lossy"
    """The form can be put back, what it held cannot."""
    IRREVERSIBLE = "irreversible"
    """No statement undoes it."""
    UNKNOWN = "unknown"
    """Its text does not say what it does. Counts as irreversible."""

    @property
    def can_be_undone(self) -> bool:
        """Whether a way back exists that loses nothing which stood before."""
        return self in (Kind.ADDITIVE, Kind.REVERSIBLE)


class Fit(Ordered):
    """Whether the previous version of the code can run on the new schema."""

    COMPATIBLE = "compatible"
    UNCLEAR = "unclear"
    """It depends on what the previous version does, or on what the text does not say."""
    CONTRACT = "contract"
    """It takes something away, or refuses what was allowed: a step for after Green."""


class Blocks(Ordered):
    """Whom the statement locks out, on the tables that it touches."""

    NOBODY = "nobody"
    BRIEFLY = "briefly"
    """Everyone, for a moment: as long as what held the table before lets it wait."""
    WRITERS = "writers"
    """Those who write, for as long as the table is read through."""
    EVERYONE = "everyone"
    """Readers too, for as long as the table is read through or written anew."""

    @property
    def long(self) -> bool:
        """Whether the time grows with the table."""
        return self in (Blocks.WRITERS, Blocks.EVERYONE)


class Effect(BaseModel):
    """One thing that a statement does to one object, as far as its text tells."""

    model_config = ConfigDict(frozen=True)

    does: str
    """`add`, `drop`, `change`, `rename` or `data`."""
    what: str
    """The object, with its noun: `column orders.note`."""
    aspect: str = ""
    """Of a change: which property of it (`type`, `not null`, `default`)."""
    to: str = ""
    """Of a change: the new value; of a rename: the new object, with its noun."""
    holds: bool = False
    """Whether values live in the object, so that dropping it loses them."""
    cascade: bool = False
    """Of a drop: whether what depends on the object goes too, whatever that is."""
    inside: tuple[str, ...] = ()
    """The objects with which it goes when they are dropped."""


class Statement(BaseModel):
    """What one statement of a migration does, and why it is judged so."""

    model_config = ConfigDict(frozen=True)

    line: int
    """Where it begins in the text, counted from 1."""
    sql: str
    kind: Kind
    reason: str
    fit: Fit
    blocks: Blocks
    blocking: str = ""
    """Why it locks anyone out for long; empty where it does not."""
    outside_transaction: bool = False
    """Whether PostgreSQL refuses it inside a transaction (BEGIN ... COMMIT)."""
    effects: tuple[Effect, ...] = ()


class Migration(BaseModel):
    """The statements of one migration. The worst of them is the whole."""

    model_config = ConfigDict(frozen=True)

    statements: tuple[Statement, ...]

    @property
    def kind(self) -> Kind:
        """The worst kind of its statements; a migration that does nothing is additive."""
        return Kind.worst(s.kind for s in self.statements)

    @property
    def fit(self) -> Fit:
        """Whether the previous version can run once all of it is applied."""
        return Fit.worst(s.fit for s in self.statements)

    @property
    def blocks(self) -> Blocks:
        """Whom the worst of its statements locks out."""
        return Blocks.worst(s.blocks for s in self.statements)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the whole is of its kind: what the statements of that kind say, with their lines."""
        return tuple(f"line {s.line}: {s.reason}" for s in self.statements if s.kind is self.kind)

    @property
    def point_of_no_return(self) -> Statement | None:
        """The first statement after which what stood before cannot be had back."""
        return next((s for s in self.statements if not s.kind.can_be_undone), None)


class Revert(BaseModel):
    """What a down-migration does with what its up-migration did."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    """`reversible`: it undoes the up and loses nothing; `lossy`: the form is as before, and what
    `lost` and `not_restored` name is not; `irreversible`: it is not the inverse of the up;
    `unknown`: a statement of either does not say what it does.
    """
    lost: tuple[str, ...] = ()
    """What goes although it was written after the up."""
    not_restored: tuple[str, ...] = ()
    """What is back in form, and holds something else than before the up."""
    missing: tuple[str, ...] = ()
    """What the up does and the down does not undo."""
    extra: tuple[str, ...] = ()
    """What the down does and the up gave no cause for."""
    unclear: tuple[str, ...] = ()
    """The statements whose text does not say what they do."""

    @property
    def is_inverse(self) -> bool:
        """Whether the form of the schema is what it was: the fingerprint has the last word."""
        return not (self.missing or self.extra or self.unclear)

    @property
    def reasons(self) -> tuple[str, ...]:
        """All that is to be said, the gravest first."""
        return (*self.unclear, *self.missing, *self.extra, *self.lost, *self.not_restored)
