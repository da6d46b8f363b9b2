"""Makes one number out of a scraped page: growth, rate, ratio, quantile, sum. Pure.

Counters may start anew at any time: a value below the one before counts from nought, as does all
of a process that says it has been started since.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from goaround_judge import SampleState
from goaround_schemas.guide import ScrapeSource
from goaround_watcher.sources.exposition import Series
from goaround_watcher.sources.port import Answer, Counters, Point, SourceError

STARTED = "process_start_time_seconds"
MOST_SERIES = 5_000
"""Series of one page that a watch may need: they are kept in its state from look to look."""


@dataclass(frozen=True, slots=True)
class Page:
    """What was wanted of a metrics page, and when it was read (seconds since 1970)."""

    at: float
    series: tuple[Series, ...]

    @property
    def started(self) -> float | None:
        """When the process says that it was started."""
        said = (s.value for s in self.series if s.name == STARTED)
        return next((value for value in said if math.isfinite(value)), None)

    def counters(self) -> Counters:
        """Return what the next look needs to know of this one.

        Raises:
            SourceError: That would be too much.
        """
        # What is no number now is no number to count from later, nor can JSON keep it.
        kept = {s.key: s.value for s in self.series if s.name != STARTED and math.isfinite(s.value)}
        if len(kept) > MOST_SERIES:
            raise SourceError(
                f"{len(kept)} series carry the wanted names, more than {MOST_SERIES}; "
                "watch a metric with fewer labels"
            )
        return Counters(at=self.at, started=self.started, values=kept)


class _Missing(Exception):
    """There is no number to be had; `state` and `detail` say why."""

    def __init__(self, state: SampleState, detail: str) -> None:
        super().__init__(detail)
        self.state = state
        self.detail = detail


def names_of(source: ScrapeSource) -> set[str]:
    """Return the names under which the source's series may stand on a page."""
    if source.histogram:
        return {f"{source.histogram.removesuffix('_bucket')}_bucket"}
    if source.value:
        return {source.value}
    metrics = [m for m in (source.rate, source.increase) if m]
    if source.ratio:
        metrics += [source.ratio.of.metric, source.ratio.to.metric]
    return {name for metric in metrics for name in _counter_names(metric)}


def read(source: ScrapeSource, page: Page, before: Counters | None) -> Answer:
    """Return the source's number at the page's time; counters are held against `before`."""
    try:
        value = _number(source, page, before)
    except _Missing as missing:
        return Answer((), missing.state, missing.detail)
    return Answer((Point(page.at, value),))


def _number(source: ScrapeSource, page: Page, before: Counters | None) -> float:
    if source.value:
        chosen = _chosen(page, {source.value}, source.where)
        if not chosen:
            raise _absent(source.value, source.where)
        return math.fsum(s.value for s in chosen)
    if source.histogram:
        name = source.histogram.removesuffix("_bucket")
        chosen = _chosen(page, {f"{name}_bucket"}, source.where)
        if not chosen:
            raise _absent(name, source.where)
        return _quantile(source.quantile, chosen, page, before)
    if source.ratio:
        of, to = source.ratio.of, source.ratio.to
        whole = _growth_of(page, before, to.metric, to.where)
        if whole == 0:
            raise _Missing(SampleState.NO_DATA, f"{to.metric} did not grow since the last look")
        # A part that has not happened yet has no series: that is nought of the whole.
        present = _chosen(page, _counter_names(of.metric), of.where)
        return _growth_of(page, before, of.metric, of.where) / whole if present else 0.0
    metric = source.rate or source.increase
    assert metric is not None
    grown = _growth_of(page, before, metric, source.where)
    if source.increase:
        return grown
    return grown / _seconds(page, before)


def _growth_of(page: Page, before: Counters | None, metric: str, where: Mapping[str, str]) -> float:
    chosen = _chosen(page, _counter_names(metric), where)
    if not chosen:
        raise _absent(metric, where)
    return math.fsum(growth(chosen, page, _known(before)))


def growth(chosen: Iterable[Series], page: Page, before: Counters) -> list[float]:
    """Return by how much each counter has grown since; one that starts anew grows from nought."""
    restarted = page.started != before.started and None not in (page.started, before.started)
    grown: list[float] = []
    for s in chosen:
        was = 0.0 if restarted else before.values.get(s.key, 0.0)
        grown.append(s.value if s.value < was else s.value - was)
    return grown


def quantile(q: float, buckets: Mapping[float, float]) -> float:
    """Return the quantile of cumulative buckets (upper bound to count), as Prometheus does.

    NaN where there is no `+Inf` bucket or nothing was observed; a quantile in the last bucket is
    the highest bound there is.
    """
    bounds = sorted(buckets)
    if len(bounds) < 2 or bounds[-1] != math.inf:
        return math.nan
    counts: list[float] = []
    for bound in bounds:
        counts.append(max(buckets[bound], counts[-1] if counts else 0.0))
    if not counts[-1] > 0:
        return math.nan
    rank = q * counts[-1]
    place = next(i for i, count in enumerate(counts) if count >= rank)
    if place == len(bounds) - 1:
        return bounds[-2]
    if place == 0 and bounds[0] <= 0:
        return bounds[0]
    low, below = (bounds[place - 1], counts[place - 1]) if place else (0.0, 0.0)
    return low + (bounds[place] - low) * (rank - below) / (counts[place] - below)


def _quantile(q: float, chosen: list[Series], page: Page, before: Counters | None) -> float:
    buckets: dict[float, float] = {}
    for s, grown in zip(chosen, growth(chosen, page, _known(before)), strict=True):
        bound = _bound(s)
        buckets[bound] = buckets.get(bound, 0.0) + grown
    if math.inf not in buckets:
        raise _Missing(SampleState.NAN, "the histogram has no +Inf bucket")
    if buckets[math.inf] <= 0:
        raise _Missing(SampleState.NO_DATA, "nothing was observed since the last look")
    return quantile(q, buckets)


def _bound(s: Series) -> float:
    try:
        return float(s.labels.get("le", ""))
    except ValueError:
        why = f"{s.name} has a bucket without a bound in its label le"
        raise _Missing(SampleState.PROVIDER_ERROR, why) from None


def _seconds(page: Page, before: Counters | None) -> float:
    elapsed = page.at - _known(before).at
    if elapsed <= 0:
        raise _Missing(SampleState.TOO_FEW, "no time has passed since the last look")
    return elapsed


def _known(before: Counters | None) -> Counters:
    if before is None:
        raise _Missing(SampleState.TOO_FEW, "a counter says nothing before its second look")
    return before


def _counter_names(metric: str) -> set[str]:
    return {metric, metric if metric.endswith("_total") else f"{metric}_total"}


def _chosen(page: Page, names: set[str], where: Mapping[str, str]) -> list[Series]:
    wanted = [(label, _pattern(label, pattern)) for label, pattern in where.items()]
    return [
        s
        for s in page.series
        if s.name in names and all(p.fullmatch(s.labels.get(label, "")) for label, p in wanted)
    ]


@lru_cache(maxsize=1024)
def _pattern(label: str, pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        why = f"where {label}: {pattern!r} is no regular expression: {error}"
        raise _Missing(SampleState.PROVIDER_ERROR, why) from None


def _absent(metric: str, where: Mapping[str, str]) -> _Missing:
    chosen = ", ".join(f"{label}=~{pattern!r}" for label, pattern in where.items())
    return _Missing(
        SampleState.NO_DATA,
        f"the page has no {metric}" + (f" with {chosen}" if chosen else "") + "; check the name",
    )
