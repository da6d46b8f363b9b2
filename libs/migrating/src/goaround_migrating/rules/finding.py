"""What a rule hands back, and what it may know of the schema while it reads a migration."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from goaround_migrating.verdicts import Blocks, Effect, Fit, Kind


@dataclass(frozen=True)
class Finding:
    """What one part of a statement does."""

    kind: Kind
    reason: str
    fit: Fit = Fit.COMPATIBLE
    blocks: Blocks = Blocks.NOBODY
    blocking: str = ""
    effects: tuple[Effect, ...] = ()
    outside_transaction: bool = False


@dataclass
class Known:
    """The schema as far as it is known at a place of the migration. Rules keep it up to date."""

    types: dict[str, str] = field(default_factory=dict[str, str])
    """`orders.note` to its type in PostgreSQL's words; without an entry, it is not known."""
    made: set[str] = field(default_factory=set[str])
    """What this migration has made, so that nobody uses it yet: `table orders`."""
    bookkeeping: frozenset[str] = frozenset()
    """Tables in which a migration tool notes what it applied."""

    def is_new(self, what: str) -> bool:
        """Whether this migration made it."""
        return what in self.made

    def forget_made(self) -> None:
        """From here on names may mean other objects than before."""
        self.made.clear()
        self.types.clear()

    def drop_table(self, name: str) -> None:
        """Forget a table and what it held."""
        self.made = {w for w in self.made if w != f"table {name}" and f" {name}." not in w}
        self.types = {c: t for c, t in self.types.items() if not c.startswith(f"{name}.")}

    def rename_table(self, old: str, new: str) -> None:
        """Carry what is known of a table over to its new name."""
        self.made = {_renamed(what, old, new) for what in self.made}
        self.types = {_renamed(f"column {c}", old, new)[7:]: t for c, t in self.types.items()}


def _renamed(what: str, old: str, new: str) -> str:
    noun, _, name = what.partition(" ")
    if name == old:
        return f"{noun} {new}"
    return f"{noun} {new}{name[len(old) :]}" if name.startswith(f"{old}.") else what


def known(types: Mapping[str, str], bookkeeping: frozenset[str]) -> Known:
    """Return what is known before the first statement."""
    return Known(types=dict(types), bookkeeping=bookkeeping)
