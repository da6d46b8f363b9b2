"""Builders of recorded watches: what a test does not name is steady, plentiful and on time."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from goaround_judge import (
    Bad,
    Columns,
    Evidence,
    LogEvidence,
    LogRule,
    LogWindow,
    Sample,
    SampleState,
    SignalColumns,
    SignalEvidence,
    SignalKind,
    SignalRule,
    Undecided,
    templates,
)

Numbers = Sequence[float] | npt.NDArray[np.float64] | npt.NDArray[np.int64]
EVERY_S = 15.0


def noise(seed: int, n: int, level: float = 0.2, spread: float = 0.05) -> list[float]:
    """Return lognormal noise around a level; the same for the same seed."""
    drawn = np.random.default_rng(seed).normal(size=n)
    return [float(x) for x in level * np.exp(spread * drawn)]


def levels(values: Numbers, first_s: float, every_s: float = EVERY_S) -> tuple[Sample, ...]:
    return tuple(
        Sample(at_s=first_s + every_s * i, value=float(value)) for i, value in enumerate(values)
    )


def missing(n: int, state: SampleState, first_s: float = 0.0) -> tuple[Sample, ...]:
    return tuple(Sample(at_s=first_s + EVERY_S * i, state=state) for i in range(n))


def signal(
    before: Numbers,
    after: Numbers,
    *,
    name: str = "p95 latency",
    kind: SignalKind = SignalKind.LATENCY,
    bad: Bad | None = None,
    unit: str = "s",
    matters_from: float = 0.10,
    muted: bool = False,
    every_s: float = EVERY_S,
    reference: Numbers = (),
) -> SignalEvidence:
    return SignalEvidence(
        rule=SignalRule(
            name=name, kind=kind, bad=bad, unit=unit, matters_from=matters_from, muted=muted
        ),
        baseline=levels(before, -every_s * len(before), every_s),
        post=levels(after, 0.0, every_s),
        reference=levels(reference, -every_s * len(reference), every_s),
    )


def counts(
    errors: Numbers, requests: Numbers | float | None, first_s: float, every_s: float = EVERY_S
) -> tuple[Sample, ...]:
    def of(i: int) -> float | None:
        if requests is None:
            return None
        return float(requests if isinstance(requests, int | float) else requests[i])

    return tuple(
        Sample(at_s=first_s + every_s * i, errors=float(count), requests=of(i))
        for i, count in enumerate(errors)
    )


def errors(
    before: Numbers,
    after: Numbers,
    requests: float | None = 200.0,
    *,
    after_requests: float | None = None,
    name: str = "errors",
    every_s: float = EVERY_S,
) -> SignalEvidence:
    later = requests if after_requests is None else after_requests
    return SignalEvidence(
        rule=SignalRule(name=name, kind=SignalKind.ERRORS),
        baseline=counts(before, requests, -every_s * len(before), every_s),
        post=counts(after, later, 0.0, every_s),
    )


def log(before: Iterable[list[str]], after: Iterable[list[str]], name: str = "log") -> LogEvidence:
    earlier, later = list(before), list(after)
    first = -EVERY_S * len(earlier)
    return LogEvidence(
        rule=LogRule(name=name),
        baseline=tuple(window(first + EVERY_S * i, lines) for i, lines in enumerate(earlier)),
        post=tuple(window(EVERY_S * i, lines) for i, lines in enumerate(later)),
    )


def window(from_s: float, lines: list[str]) -> LogWindow:
    return LogWindow(from_s=from_s, to_s=from_s + EVERY_S, counts=templates(lines))


def watch(
    *signals: SignalEvidence,
    logs: tuple[LogEvidence, ...] = (),
    looks: int = 60,
    at: float = 1.0,
    every_s: float = EVERY_S,
    extensions: tuple[int, int] = (0, 0),
    undecided: Undecided = Undecided.HOLD,
) -> Evidence:
    """Return the evidence of a watch of so many looks, of which the share `at` has passed."""
    period = looks * every_s
    return Evidence(
        signals=signals,
        logs=logs,
        every_s=every_s,
        period_s=period,
        elapsed_s=at * period,
        extensions_used=extensions[0],
        extensions_allowed=extensions[1],
        undecided=undecided,
    )


def columns(samples: tuple[Sample, ...]) -> Columns:
    """Return samples in columns, every one of them, as the watcher gives them."""
    return Columns(
        at_s=tuple(s.at_s for s in samples),
        value=tuple(s.value for s in samples),
        state=tuple(s.state for s in samples),
        errors=tuple(s.errors for s in samples),
        requests=tuple(s.requests for s in samples),
    )


def signal_in_columns(one: SignalEvidence) -> SignalColumns:
    return SignalColumns(
        rule=one.rule,
        baseline=columns(one.baseline),
        post=columns(one.post),
        reference=columns(one.reference) if one.reference else None,
        control_baseline=columns(one.control_baseline) if one.control_baseline else None,
        control_post=columns(one.control_post) if one.control_post else None,
    )


def in_columns(evidence: Evidence) -> Evidence:
    """Return the same watch with its signals in columns."""
    held = tuple(signal_in_columns(one) for one in evidence.signals)
    return evidence.model_copy(update={"signals": (), "columns": held})
