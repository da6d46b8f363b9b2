"""Names and types of the tree, in the words in which a person would say them."""

from collections.abc import Sequence
from typing import cast

from pglast import ast, enums

from goaround_migrating.parsing import walk

_PLAIN = {
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "bool": "boolean",
    "bpchar": "character",
    "varchar": "character varying",
    "timestamptz": "timestamp with time zone",
    "timestamp": "timestamp without time zone",
    "timetz": "time with time zone",
    "time": "time without time zone",
    "varbit": "bit varying",
}


def joined(names: object) -> str:
    """Return `public.orders` as `orders`, any other schema with its name."""
    parts = _parts(names)
    return ".".join(parts[1:] if len(parts) > 1 and parts[0] in ("public", "pg_catalog") else parts)


def _parts(names: object) -> list[str]:
    if isinstance(names, ast.String):
        return [names.sval or ""]
    if isinstance(names, ast.TypeName):
        return _parts(names.names)
    if isinstance(names, ast.ObjectWithArgs):
        return _parts(names.objname)
    if isinstance(names, tuple):
        return [part for name in cast("tuple[object, ...]", names) for part in _parts(name)]
    return ["*"] if isinstance(names, ast.A_Star) else []


def relation(named: ast.RangeVar | None) -> str:
    """Return a table's name as `orders` or `audit.orders`."""
    if named is None:
        return "?"
    name = named.relname or "?"
    return f"{named.schemaname}.{name}" if named.schemaname not in (None, "public") else name


def in_schema_of(table: str, name: str) -> str:
    """Return the name of what lies in the table's schema, such as its index."""
    schema, dot, _ = table.rpartition(".")
    return f"{schema}{dot}{name}"


def type_name(named: ast.TypeName | None) -> str:
    """Return a type as PostgreSQL writes it: `character varying(20)`, `integer[]`."""
    if named is None:
        return "?"
    name = joined(named.names)
    name = _PLAIN.get(name, name)
    sizes = [_number(mod) for mod in named.typmods or ()]
    if name == "character" and sizes == [None]:  # pragma: no cover - the grammar gives a 1
        sizes = []
    size = f"({','.join(str(s) for s in sizes)})" if sizes and None not in sizes else ""
    if size and " with" in name:  # timestamp(3) with time zone
        first, rest = name.split(" ", 1)
        name, size = f"{first}{size} {rest}", ""
    return name + size + "[]" * len(named.arrayBounds or ())


def _number(mod: object) -> int | None:
    match mod:
        case ast.A_Const(val=ast.Integer(ival=value)):
            return value or 0
        case _:
            return None


def signature(routine: ast.CreateFunctionStmt | ast.ObjectWithArgs) -> str:
    """Return `price(integer, text)`: what tells one routine from another of its name."""
    if isinstance(routine, ast.ObjectWithArgs):
        if routine.args_unspecified:
            return joined(routine.objname)
        types = [t for t in routine.objargs or () if isinstance(t, ast.TypeName)]
        return f"{joined(routine.objname)}({', '.join(type_name(t) for t in types)})"
    given = [
        type_name(p.argType)
        for p in routine.parameters or ()
        if isinstance(p, ast.FunctionParameter)
        and p.mode
        not in (
            enums.FunctionParameterMode.FUNC_PARAM_OUT,
            enums.FunctionParameterMode.FUNC_PARAM_TABLE,
        )
    ]
    return f"{joined(routine.funcname)}({', '.join(given)})"


def called(tree: object) -> tuple[str, ...]:
    """Return the functions that an expression or a query calls by name.

    Only PostgreSQL's own lose their schema: `public.now` is not `now`.
    """
    return tuple(
        ".".join(_parts(n.funcname)).removeprefix("pg_catalog.")
        for n in walk(tree)
        if isinstance(n, ast.FuncCall)
    )


def listed(names: Sequence[str]) -> str:
    """Return `a`, `a and b`, `a, b and c`."""
    return " and ".join(p for p in (", ".join(names[:-1]), names[-1] if names else "") if p)
