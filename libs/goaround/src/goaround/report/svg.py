"""Elements of SVG and HTML as text: everything foreign is escaped here, and nowhere else. Pure."""

from collections.abc import Iterable
from html import escape

from goaround.cli.words import clean

Attributes = str | float | None


def plain(text: str) -> str:
    """Return foreign text as it may stand in a document: escaped, without control characters."""
    return escape(clean(text).encode("utf-8", "replace").decode(), quote=True)


def number(value: float) -> str:
    """Return a coordinate with a tenth of a pixel, which is as fine as anyone sees."""
    said = f"{value:.1f}".removesuffix(".0")
    return "0" if said == "-0" else said


def tag(name: str, *inside: str, **attributes: Attributes) -> str:
    """Return an element around markup; an attribute of None is left out, `class_` is `class`."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    body = "".join(inside)
    return f"<{name}{said}>{body}</{name}>" if body else f"<{name}{said}/>"


def text(said: str, x: float, y: float, class_: str, **attributes: Attributes) -> str:
    """Return a line of text at a place."""
    return tag("text", plain(said), x=x, y=y, class_=class_, **attributes)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> str:
    """Return a straight line."""
    return tag("path", d=f"M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}", class_=class_)


def dots(places: Iterable[tuple[float, float]], class_: str) -> str:
    """Return points as one path of strokes without length: a few bytes each, round by their cap."""
    d = "".join(f"M{number(x)} {number(y)}h0" for x, y in places)
    return tag("path", d=d, class_=class_) if d else ""


def _value(value: str | float) -> str:
    return value if isinstance(value, str) else number(value)
