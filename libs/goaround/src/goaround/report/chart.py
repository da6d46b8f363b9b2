"""Draws a signal: what it was before the switch, after it, its limits, and where it was decided.

Pure. It shows what the verdict says and works out nothing of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from goaround.report.axis import Levels, Times, clock, levels, names, times
from goaround.report.svg import dots, line, number, plain, tag, text
from goaround.report.trace import Point, Points, Trace
from goaround_judge import SampleState
from goaround_judge.verdicts import Colour

WIDTH = 760
HEIGHT = 262
_EDGE = 746
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 644, 46, 212
_LOST = 223
"""Below the plot: the looks that brought nothing, each state in a shape of its own."""
_APART = 14
"""Pixels between two names, so that both can be read."""
_MOST_HITS = 90
"""Looks that say their numbers under a pointer; more would be too small to point at."""
_LONGEST_NAME = 62

_STATES = {
    SampleState.NO_DATA: "no data",
    SampleState.NAN: "not a number",
    SampleState.STALE: "stale",
    SampleState.PROVIDER_ERROR: "provider error",
    SampleState.TOO_FEW: "too few",
    SampleState.OK: "ok",
}
_SHAPES = {
    SampleState.NO_DATA: "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0",
    SampleState.NAN: "M-3 -3L3 3M-3 3L3 -3",
    SampleState.STALE: "M-3 -3h6v6h-6z",
    SampleState.PROVIDER_ERROR: "M0 -3.4L3.4 3h-6.8z",
    SampleState.TOO_FEW: "M0 -3.6L3.6 0L0 3.6L-3.6 0z",
    SampleState.OK: "",
}
_BADGES = {
    Colour.GREEN: "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0",
    Colour.YELLOW: "M0 -5.5L6 5h-12z",
    Colour.RED: "M-5 -5h10v10h-10z",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """When the whole watch came to its verdict, and which."""

    at_s: float
    colour: Colour
    action: str


@dataclass(frozen=True, slots=True)
class _Field:
    """The plot of one signal: where times and values are."""

    trace: Trace
    x: Times
    y: Levels
    moment: Moment | None


def chart(trace: Trace, moment: Moment | None, *, key: str, version: str = "") -> str:
    """Return the chart of a signal as one SVG element; `key` sets its names apart in a page."""
    field = _field(trace, moment)
    verdict = trace.verdict
    parts = (
        tag("title", plain(f"{verdict.name}: {verdict.colour}"), id=f"{key}-title"),
        tag("desc", plain(described(trace, moment)), id=f"{key}-desc"),
        _heading(trace),
        tag("rect", x=_LEFT, y=_TOP, width=_RIGHT - _LEFT, height=_BOTTOM - _TOP, class_="panel"),
        *_zones(field),
        *_grid(field),
        *_limits(field),
        *_series(field),
        *_moments(field, version),
        *_names(field),
        *_lost(field),
        *_legend(field),
        *_hits(field),
    )
    return tag(
        "svg",
        *parts,
        class_="ga",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_labelledby=f"{key}-title {key}-desc",
    )


def described(trace: Trace, moment: Moment | None) -> str:
    """Return the chart in words, for those who do not see it."""
    verdict = trace.verdict
    said = [verdict.reason.rstrip(".") + "."]
    if verdict.baseline is not None:
        said.append(f"Before the switch: {trace.said(verdict.baseline)}.")
    if verdict.limit is not None:
        said.append(f"Red begins at {trace.said(verdict.limit)}.")
    if verdict.green_limit is not None:
        said.append(f"Green ends at {trace.said(verdict.green_limit)}.")
    lost = {s: n for s, n in verdict.samples.items() if n and s != SampleState.OK.value}
    seen = verdict.samples.get(SampleState.OK.value, 0)
    said.append(f"{seen} looks after the switch brought a number.")
    said += [f"{n} brought none: {_STATES[SampleState(s)]}." for s, n in lost.items()]
    if moment is not None:
        said.append(f"The watch was decided {moment.colour} after {clock(round(moment.at_s, 1))}.")
    return " ".join(said)


def badge(colour: Colour, x: float, y: float) -> str:
    """Return the mark of a colour: each has a shape as well."""
    return tag(
        "path",
        d=_BADGES[colour],
        transform=f"translate({number(x)} {number(y)})",
        style=f"fill:var(--{_ROLES[colour]})",
    )


_ROLES = {Colour.GREEN: "good", Colour.YELLOW: "doubt", Colour.RED: "bad"}


def _field(trace: Trace, moment: Moment | None) -> _Field:
    verdict = trace.verdict
    looks = (*trace.after, *trace.control_after, *trace.like)
    first = min((p.at_s for p in (*trace.before, *trace.control_before)), default=0.0)
    last = max((p.at_s for p in looks), default=0.0)
    x = times(first, max(last, moment.at_s if moment else 0.0), _LEFT, _RIGHT)
    every = (trace.before, trace.after, trace.control_before, trace.control_after, trace.like)
    shown = [p.value for side in every for p in side if p.value is not None]
    shown += [v for v in (verdict.baseline, verdict.limit, verdict.green_limit) if v is not None]
    return _Field(trace, x, levels(shown, verdict.baseline, _BOTTOM, _TOP + 4), moment)


def _heading(trace: Trace) -> str:
    verdict = trace.verdict
    name = (
        verdict.name if len(verdict.name) <= _LONGEST_NAME else f"{verdict.name[:_LONGEST_NAME]}…"
    )
    muted = ", muted" if verdict.muted else ""
    unit = f"  {trace.unit}" if trace.unit else ""
    return (
        badge(verdict.colour, _LEFT + 6, 17)
        + tag(
            "text",
            plain(name),
            tag("tspan", plain(unit), class_="small", style="font-weight:400;fill:var(--soft)"),
            x=_LEFT + 20,
            y=22,
            class_="head",
        )
        + text(f"{verdict.verdict}{muted}", _EDGE, 22, f"end {verdict.colour}")
    )


def _zones(field: _Field) -> Iterator[str]:
    """Yield the washes behind the looks: where it would be Green, in doubt, Red."""
    verdict, x, y = field.trace.verdict, field.x, field.y
    if verdict.limit is None or verdict.baseline is None:
        return
    up = verdict.limit >= verdict.baseline
    red = y.at(verdict.limit)
    green = red if verdict.green_limit is None else y.at(verdict.green_limit)
    for class_, one, other in (
        ("good-wash", green, _BOTTOM if up else _TOP),
        ("doubt-wash", red, green),
        ("bad-wash", _TOP if up else _BOTTOM, red),
    ):
        top, height = min(one, other), abs(one - other)
        if height >= 0.5:
            yield tag(
                "rect", x=x.switch, y=top, width=_RIGHT - x.switch, height=height, class_=class_
            )


def _grid(field: _Field) -> Iterator[str]:
    trace = field.trace
    marks = field.y.marks()
    for value, name in zip(marks, names(marks, "", percent=trace.percent), strict=True):
        y = field.y.at(value)
        yield line(_LEFT, y, _RIGHT, y, "grid")
        yield text(name, _LEFT - 8, y + 4, "small end")
    lane = 16 if any(p.value is None for p in (*trace.before, *trace.after)) else 4
    last = -100.0
    for at, name in field.x.marks():
        x = field.x.at(at)
        if x - last < 40:
            continue
        yield line(x, _BOTTOM, x, _BOTTOM + 4, "grid")
        yield text(name, x, _BOTTOM + 14 + lane, "small mid")
        last = x


def _limits(field: _Field) -> Iterator[str]:
    verdict, x, y = field.trace.verdict, field.x, field.y
    if verdict.baseline is not None:
        yield line(_LEFT, y.at(verdict.baseline), _RIGHT, y.at(verdict.baseline), "centre")
    if verdict.green_limit is not None and verdict.green_limit != verdict.limit:
        yield line(
            x.switch, y.at(verdict.green_limit), _RIGHT, y.at(verdict.green_limit), "doubt-line"
        )
    if verdict.limit is not None:
        yield line(x.switch, y.at(verdict.limit), _RIGHT, y.at(verdict.limit), "bad-line")


def _names(field: _Field) -> Iterator[str]:
    """Yield the names of the lines at the right of the plot, none upon another."""
    verdict = field.trace.verdict
    said: list[tuple[float, str, str]] = []
    for name, value, class_ in (
        ("usually", verdict.baseline, ""),
        ("green to", verdict.green_limit, "yellow"),
        ("limit", verdict.limit, "red"),
    ):
        if value is not None and (name != "green to" or value != verdict.limit):
            figure = field.trace.said(value).removesuffix(f" {field.trace.unit}")
            said.append((field.y.at(value) + 4, f"{name} {figure}", f"small {class_}".strip()))
    said.sort()
    places = [y for y, _, _ in said]
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + _APART)
    # What was pushed out at the bottom pushes the others up again.
    for i in range(len(places) - 1, -1, -1):
        lowest = _BOTTOM + 4 - _APART * (len(places) - 1 - i)
        places[i] = min(places[i], lowest)
    for place, (_, name, class_) in zip(places, said, strict=True):
        yield text(name, _RIGHT + 8, place, class_)


def _series(field: _Field) -> Iterator[str]:
    trace = field.trace
    yield _path(field, trace.like, "line-like")
    yield _path(field, trace.control_before, "line-control")
    yield _path(field, trace.control_after, "line-control")
    yield _path(field, trace.before, "line-before")
    yield _path(field, trace.after, "line-after")
    if len(trace.before) <= 200:
        yield dots(_places(field, trace.before), "dot-before")
    bad = [p for p in trace.after if _is_beyond(trace, p)]
    if len(trace.after) <= 200:
        yield dots(_places(field, tuple(p for p in trace.after if p not in bad)), "dot-after")
    yield dots(_places(field, tuple(bad)), "dot-bad")


def _is_beyond(trace: Trace, point: Point) -> bool:
    limit, base = trace.verdict.limit, trace.verdict.baseline
    if limit is None or base is None or point.value is None:
        return False
    return point.value > limit if limit >= base else point.value < limit


def _places(field: _Field, points: Points) -> list[tuple[float, float]]:
    return [(field.x.at(p.at_s), field.y.at(p.value)) for p in points if p.value is not None]


def _path(field: _Field, points: Points, class_: str) -> str:
    """Return the line through the looks, broken where a look brought nothing."""
    d, pen = "", "M"
    for point in points:
        if point.value is None:
            pen = "M"
            continue
        d += f"{pen}{number(field.x.at(point.at_s))} {number(field.y.at(point.value))}"
        pen = "L"
    return tag("path", d=d, class_=class_) if d else ""


def _moments(field: _Field, version: str) -> Iterator[str]:
    """Yield the switch, the verdict, and the look that the signal itself became Red at."""
    x, trace = field.x, field.trace
    yield line(x.switch, _TOP - 6, x.switch, _BOTTOM, "switch")
    side, class_ = (6, "small strong") if x.switch - _LEFT < 150 else (-6, "small strong end")
    said = f"switch to {version}" if version else "switch"
    moment = field.moment
    at = x.at(moment.at_s) if moment else _RIGHT
    # Where the verdict came at once, the switch's name stands on its left, where there is room.
    if at - x.switch < 250 and x.switch - _LEFT > 90:
        side, class_ = -6, "small strong end"
    yield text(said, x.switch + side, _TOP - 4, class_)
    if moment is not None:
        yield line(at, _TOP - 6, at, _BOTTOM, f"moment-{moment.colour}")
        verdict = f"{moment.colour} after {clock(round(moment.at_s, 1))}, {moment.action}"
        left = at > _RIGHT - 150
        anchor = f"small {moment.colour}{' end' if left else ''}"
        yield text(verdict, at + (-6 if left else 6), _TOP - 4, anchor)
    red = trace.verdict.red_at_s
    if red is not None:
        near = [p for p in trace.after if p.value is not None]
        if near:
            point = min(near, key=lambda p: abs(p.at_s - red))
            place = (field.x.at(point.at_s), field.y.at(point.value or 0.0))
            yield tag("circle", cx=place[0], cy=place[1], r=8, class_="ring", fill="none")


def _lost(field: _Field) -> Iterator[str]:
    """Yield a mark for each stretch of looks that brought nothing, by its state."""
    points = (*field.trace.before, *field.trace.after)
    for state, shape in _SHAPES.items():
        stretches = _stretches(field, points, state)
        if not stretches or not shape:
            continue
        drawn = ""
        for first, last, count in stretches:
            middle = number((first + last) / 2)
            said = f"{_STATES[state]}, {count} looks" if count > 1 else _STATES[state]
            bar = line(first, _LOST, last, _LOST, "lost") if last - first > 8 else ""
            mark = tag("path", d=shape, transform=f"translate({middle} {_LOST})", class_="lost")
            drawn += tag("g", tag("title", plain(said)), bar, mark)
        yield drawn


def _stretches(field: _Field, points: Points, state: SampleState) -> list[tuple[float, float, int]]:
    """Return from where to where looks were lost for one reason, and how many."""
    found: list[tuple[float, float, int]] = []
    previous: Point | None = None
    for point in points:
        if point.state is state and state is not SampleState.OK:
            x = field.x.at(point.at_s)
            joined = previous is not None and previous.state is state
            if found and (joined or x - found[-1][1] < 7):
                found[-1] = (found[-1][0], x, found[-1][2] + 1)
            else:
                found.append((x, x, 1))
        previous = point
    return found


def _legend(field: _Field) -> Iterator[str]:
    """Yield what lines and marks there are besides before and after."""
    trace = field.trace
    x = float(_LEFT)
    y = HEIGHT - 7
    entries: list[tuple[str, str, str]] = []
    if trace.control_before or trace.control_after:
        entries.append(("M0 -4h18", "line-control", "control group"))
    if trace.like:
        days = "day" if trace.like_days == 1 else "days"
        entries.append(("M0 -4h18", "line-like", f"{trace.like_days} {days} before"))
    for state in {p.state: None for p in (*trace.before, *trace.after)}:
        if state is not SampleState.OK:
            entries.append((_SHAPES[state], "lost", _STATES[state]))
    for shape, class_, said in entries:
        lift = 0 if class_.startswith("line") else -4
        left = 0 if class_.startswith("line") else 8
        place = f"translate({number(x + left)} {number(y + lift)})"
        yield tag("path", d=shape, transform=place, class_=class_)
        yield text(said, x + 24, y, "small")
        x += 44 + 6.2 * len(said)
    if field.x.squeeze > 1.5:
        yield text(f"time before: {field.x.squeeze:.0f}× narrower", _EDGE, y, "small end")


def _hits(field: _Field) -> Iterator[str]:
    """Yield places to point at, where few enough looks are there to be pointed at."""
    after = [p for p in field.trace.after if p.value is not None]
    gaps = [field.x.at(b.at_s) - field.x.at(a.at_s) for a, b in pairwise(after)]
    if len(after) > _MOST_HITS or not after:
        return
    r = max(min([*gaps, 14.0]) / 2, 3.0)
    for point in after:
        said = f"{point.note}, {clock(round(point.at_s, 1))} after the switch"
        x, y = field.x.at(point.at_s), field.y.at(point.value or 0.0)
        yield tag("circle", tag("title", plain(said)), cx=x, cy=y, r=r, class_="hit")
