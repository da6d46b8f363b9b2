"""A watch as one picture, to stand in a document by itself. Pure."""

import re
from collections.abc import Sequence

from goaround.report.style import CHART, COLOURS
from goaround.report.svg import number, plain, tag

_SIZE = re.compile(r'viewBox="0 0 (\d+(?:\.\d+)?) (\d+(?:\.\d+)?)"')
_GAP = 10.0


def picture(charts: Sequence[str], title: str) -> str:
    """Return the charts below each other as a whole SVG document."""
    sizes = [_size(chart) for chart in charts]
    width = max(width for width, _ in sizes)
    height = sum(height for _, height in sizes) + _GAP * (len(sizes) + 1)
    parts, y = "", _GAP
    for chart, (own, tall) in zip(charts, sizes, strict=True):
        place = f'<svg x="0" y="{number(y)}" width="{number(own)}" height="{number(tall)}"'
        parts += "\n" + chart.replace("<svg", place, 1)
        y += tall + _GAP
    paper = tag("rect", width=width, height=height, class_="paper", rx=10)
    return (
        tag(
            "svg",
            tag("title", plain(title)),
            tag("style", COLOURS + CHART),
            tag("g", paper, parts, "\n", class_="ga"),
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {number(width)} {number(height)}",
            width=width,
            height=height,
        )
        + "\n"
    )


def _size(chart: str) -> tuple[float, float]:
    found = _SIZE.search(chart)
    if found is None:
        raise ValueError("a chart says its size in its viewBox")
    return float(found[1]), float(found[2])
