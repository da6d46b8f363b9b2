"""What is copied of which table, into a side table of which name, and how a person gets it back.

Pure: the SQL as text, built of what the catalogue says.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from goaround_migrating.catalogue import KEPT_SCHEMA

_MOST_BYTES = 63
"""PostgreSQL cuts longer names, and two could become one."""
_RUN_LETTERS = 8
_KEPT = "\0"
"""Stands for a side table's name until there is one: no other name can hold it."""


@dataclass(frozen=True)
class Kept:
    """A side table with what a revert would have lost."""

    table: str
    """Its name, as SQL takes it: `goaround_kept."orders_note_0b1c2d3e"`."""
    restore_sql: str
    """What puts the values back, once the schema has a place for them again; for a person."""
    of: str
    """What it holds: `column public.orders.note`."""
    rows: int


@dataclass(frozen=True)
class Column:
    """A column, and how it is copied."""

    number: int
    name: str
    type: str
    as_text: bool
    has_letters: bool
    generated: bool
    numbered: bool
    in_key: bool

    def read(self) -> str:
        """Return what is selected of it: nothing that ties the copy to types or collations."""
        text = "::text" if self.as_text else ""
        # The database's own collation goes with the database, any other may be dropped.
        plain = ' COLLATE pg_catalog."default"' if self.has_letters else ""
        return f"{quoted(self.name)}{text}{plain} AS {quoted(self.name)}"

    def back(self, table: str) -> str:
        """Return its value in a side table, as its own type."""
        cast = f"::{self.type}" if self.as_text else ""
        return f"{table}.{quoted(self.name)}{cast}"


@dataclass(frozen=True)
class Copy:
    """One side table to be made."""

    of: str
    stem: str
    select: str
    restore: str
    """With a mark where the side table's name goes."""

    def told(self, run_id: str) -> str:
        """Return the sentence by which a side table says what it is."""
        return f"{self.of}, kept by goaround before the revert of run {run_id}"

    def restored_from(self, name: str) -> str:
        """Return the SQL that puts back what the side table of that name holds."""
        return self.restore.replace(_KEPT, full(name))


def of_column(schema: str, table: str, column: Column, columns: Collection[Column]) -> Copy:
    """Copy one column, with the key by which its rows are found again."""
    place = f"{quoted(schema)}.{quoted(table)}"
    key = [c for c in columns if c.in_key]
    if not key or column in key:
        key = [c for c in columns if c != column and not c.generated]
    selected = ", ".join(c.read() for c in (*key, column))
    name = quoted(column.name)
    if key:
        same = " AND ".join(_same(c) for c in key)
        restore = f"UPDATE {place} AS t SET {name} = {column.back('k')} FROM {_KEPT} AS k\n"
        restore += f" WHERE {same};"
        if not any(c.in_key for c in key):
            restore = "-- Without a key, rows alike in all other columns are not told apart.\n" + (
                restore
            )
    else:
        restore = (
            f"-- {place} has no other column: nothing tells which row a value was of.\n"
            f"INSERT INTO {place} ({name}) SELECT {column.back('k')} FROM {_KEPT} AS k;"
        )
    return Copy(
        of=f"column {place}.{name}",
        stem=_stem(schema, table, column.name),
        select=f"SELECT {selected} FROM {place}",
        restore=restore,
    )


def of_table(schema: str, table: str, columns: Collection[Column]) -> Copy:
    """Copy a whole table: rows that are gone come back, and rows that are other are as before."""
    place = f"{quoted(schema)}.{quoted(table)}"
    kept = [c for c in columns if not c.generated]
    key = [c for c in kept if c.in_key]
    names = ", ".join(quoted(c.name) for c in kept)
    values = ", ".join(c.back("k") for c in kept)
    restore = (
        f"INSERT INTO {place} ({names})\n OVERRIDING SYSTEM VALUE\n"
        f"SELECT {values} FROM {_KEPT} AS k"
    )
    if key:
        rest = [quoted(c.name) for c in kept if c not in key]
        sets = ", ".join(f"{name} = EXCLUDED.{name}" for name in rest)
        does = f"UPDATE SET {sets}" if sets else "NOTHING"
        restore += f"\nON CONFLICT ({', '.join(quoted(c.name) for c in key)}) DO {does}"
    restore += ";"
    for column in kept:
        if column.numbered:
            name = quoted(column.name)
            restore += (
                f"\nSELECT setval(pg_get_serial_sequence({_text(place)}, {_text(column.name)}), "
                f"max({name})) FROM {place};"
            )
    return Copy(
        of=f"table {place}",
        stem=_stem(schema, table),
        select=f"SELECT {', '.join(c.read() for c in kept)} FROM {place}",
        restore=restore,
    )


def of_sequence(schema: str, name: str) -> Copy:
    """Copy where a sequence stands."""
    place = f"{quoted(schema)}.{quoted(name)}"
    return Copy(
        of=f"sequence {place}",
        stem=_stem(schema, name),
        select=f"SELECT last_value, is_called FROM {place}",
        restore=f"SELECT setval({_text(place)}, last_value, is_called) FROM {_KEPT};",
    )


def side_table(stem: str, run_id: str, number: int = 1) -> str:
    """Return a side table's name, not quoted; a further one of the same stem and run has a number.

    At most 63 bytes: of a longer name the start and a digest of all of it.
    """
    run = hashlib.sha256(run_id.encode()).hexdigest()[:_RUN_LETTERS]
    end = f"_{run}" + (f"_{number}" if number > 1 else "")
    if len((stem + end).encode()) > _MOST_BYTES:
        end = f"_{hashlib.sha256(stem.encode()).hexdigest()[:6]}{end}"
        room = _MOST_BYTES - len(end)
        stem = stem.encode()[:room].decode(errors="ignore")
    return stem + end


def full(name: str) -> str:
    """Return a side table's name with its schema, as SQL takes it."""
    return f"{KEPT_SCHEMA}.{quoted(name)}"


def quoted(name: str) -> str:
    """Return a name as SQL takes it, whatever it is made of."""
    return '"' + name.replace('"', '""') + '"'


def _same(column: Column) -> str:
    name = quoted(column.name)
    if column.in_key:
        return f"t.{name} = {column.back('k')}"
    # As text: not every type knows what is equal.
    return f"t.{name}::text IS NOT DISTINCT FROM k.{name}::text"


def _text(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"


def _stem(schema: str, *names: str) -> str:
    return "_".join(names if schema == "public" else (schema, *names))
