"""What a change of a column's type does to the values in it, from the two types alone."""

import re
from dataclasses import dataclass

from goaround_migrating.verdicts import Blocks, Fit, Kind

_WIDER = {
    "smallint": ("integer", "bigint", "numeric", "real", "double precision"),
    "integer": ("bigint", "numeric", "double precision"),
    "bigint": ("numeric",),
    "real": ("double precision",),
    "date": ("timestamp without time zone",),
    "cidr": ("inet",),
    "macaddr": ("macaddr8",),
}
"""Every value of the first is a value of the others, and comes back from them unchanged."""
_TEXTS = ("character varying", "text")
_IN_PLACE = {("cidr", "inet"), ("character varying", "text"), ("text", "character varying")}
"""What PostgreSQL changes in its catalogue alone."""
_CUTS = {
    ("timestamp without time zone", "date"): "the time of day goes",
    ("timestamp with time zone", "date"): "the time of day goes",
    ("timestamp without time zone", "timestamp with time zone"): (
        "values are read in the session's time zone (no row is written anew where that is UTC), "
        "and an hour that its clocks repeat is ambiguous"
    ),
    ("timestamp with time zone", "timestamp without time zone"): (
        "values lose their zone, and an hour that the session's clocks repeat becomes one"
    ),
    ("json", "jsonb"): "the order of keys, repeated keys and white space go",
    ("double precision", "numeric"): "values are rounded to 15 digits",
    ("real", "numeric"): "values are rounded to 6 digits",
}
_NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double precision")
_SIZED = re.compile(r"^([a-z ]+?)\(([\d,-]+)\)( with.*)?$")


@dataclass(frozen=True)
class Conversion:
    """From one type to another."""

    kind: Kind
    why: str
    fit: Fit = Fit.COMPATIBLE
    blocks: Blocks = Blocks.EVERYONE


def conversion(old: str, new: str) -> Conversion:
    """Return what becomes of the values when a column of type `old` is made one of `new`."""
    if old == new:
        return Conversion(Kind.REVERSIBLE, f"it is {new} already", blocks=Blocks.BRIEFLY)
    was, was_size = _sized(old)
    now, now_size = _sized(new)
    if was == now:
        return _resized(was, was_size, now_size)
    if was in _TEXTS and now in _TEXTS:
        return _resized("character varying", was_size, now_size)
    if now in _WIDER.get(was, ()) and not now_size:
        blocks = Blocks.BRIEFLY if (was, now) in _IN_PLACE else Blocks.EVERYONE
        return Conversion(Kind.REVERSIBLE, f"every {old} is a {new}", blocks=blocks)
    if was in _WIDER.get(now, ()) or (was in _NUMBERS and now in _NUMBERS):
        why = f"values that do not fit into {new} are refused or rounded"
        return Conversion(Kind.LOSSY, why, Fit.CONTRACT)
    if cut := _CUTS.get((was, now)):
        return Conversion(Kind.LOSSY, cut, Fit.UNCLEAR)
    if was == "character" and now in _TEXTS:
        return _padded(was_size, now, now_size)
    if now == "text":
        why = f"every {old} can be written as text, but code that reads {old} reads text now"
        return Conversion(Kind.REVERSIBLE, why, Fit.CONTRACT)
    if (was, now) == ("jsonb", "json"):
        return Conversion(Kind.REVERSIBLE, "every jsonb is a json", Fit.UNCLEAR)
    why = f"what becomes of a {old} as {new} is not known here"
    return Conversion(Kind.UNKNOWN, why, Fit.UNCLEAR)


def _resized(name: str, old: tuple[int, ...], new: tuple[int, ...]) -> Conversion:
    """The same type with another size; no size means no limit."""
    if name == "numeric":
        return _numeric(old, new)
    limit = "the limit"
    if not new:
        return Conversion(Kind.REVERSIBLE, f"{limit} goes", blocks=Blocks.BRIEFLY)
    if old and new[0] >= old[0]:
        blocks = Blocks.EVERYONE if name == "character" else Blocks.BRIEFLY
        return Conversion(
            Kind.REVERSIBLE, f"{limit} grows from {old[0]} to {new[0]}", blocks=blocks
        )
    before = f"from {old[0]}" if old else "from none"
    what = "are cut or refused" if "char" in name else "are rounded or refused"
    return Conversion(
        Kind.LOSSY, f"{limit} shrinks {before} to {new[0]}: longer values {what}", Fit.CONTRACT
    )


def _numeric(old: tuple[int, ...], new: tuple[int, ...]) -> Conversion:
    if not new:
        return Conversion(Kind.REVERSIBLE, "the limit goes", blocks=Blocks.BRIEFLY)
    (precision, scale) = (*new, 0)[:2]
    if old:
        (old_precision, old_scale) = (*old, 0)[:2]
        if scale == old_scale and precision >= old_precision:
            why = f"the limit grows from {old_precision} digits to {precision}"
            return Conversion(Kind.REVERSIBLE, why, blocks=Blocks.BRIEFLY)
        if scale > old_scale and precision - scale >= old_precision - old_scale:
            why = f"there is room for {scale} decimals in place of {old_scale}"
            return Conversion(Kind.REVERSIBLE, why)
    why = "values with more digits are rounded or refused"
    return Conversion(Kind.LOSSY, why, Fit.CONTRACT)


def _padded(old: tuple[int, ...], now: str, new: tuple[int, ...]) -> Conversion:
    if not new or new[0] >= (old or (1,))[0]:
        why = f"every value fits into {now}; blanks that only filled it up go"
        return Conversion(Kind.REVERSIBLE, why)
    return Conversion(Kind.LOSSY, f"longer values are cut at {new[0]}", Fit.CONTRACT)


def _sized(text: str) -> tuple[str, tuple[int, ...]]:
    """Split `character varying(20)` into its name and its sizes; an array keeps its brackets."""
    found = _SIZED.match(text)
    if found is None:
        # character without a size is character(1)
        return text, (1,) if text == "character" else ()
    return found[1] + (found[3] or ""), tuple(int(s) for s in found[2].split(","))
