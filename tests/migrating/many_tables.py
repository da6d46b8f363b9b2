"""Large schemas, for what must be quick on them."""


def many_tables(count: int) -> str:
    """SQL for tables of ten columns, three indexes and two constraints each."""
    return "".join(_table(f"t{number:04}") for number in range(count))


def _table(name: str) -> str:
    columns = ", ".join(f"c{i} varchar({i + 10}) DEFAULT 'x{i}' NOT NULL" for i in range(1, 9))
    return (
        f"CREATE TABLE {name} (id bigint PRIMARY KEY, {columns}, n integer CHECK (n > 0));"
        f"CREATE INDEX {name}_a ON {name} (c1, c2);"
        f"CREATE INDEX {name}_b ON {name} (lower(c3)) WHERE n > 5;"
        f"CREATE UNIQUE INDEX {name}_c ON {name} (c4 DESC);"
    )
