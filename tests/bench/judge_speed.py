"""Prints what one judgement of a watch costs: `python -m tests.bench.judge_speed`."""

import statistics
import time

import numpy as np

from goaround_judge import (
    Columns,
    Evidence,
    Sample,
    SignalEvidence,
    SignalKind,
    SignalRule,
    judge,
)
from goaround_judge import templates as log_templates
from goaround_judge.calibration import forget
from tests.judge.watches import in_columns


def watch(signals: int, samples: int) -> Evidence:
    """Return a steady watch: half of its samples before the switch, half after."""
    noise = np.random.default_rng(7)
    half = samples // 2

    def series(first_s: float) -> tuple[Sample, ...]:
        values = noise.lognormal(-1, 0.1, half)
        return tuple(Sample(at_s=first_s + 15 * i, value=float(v)) for i, v in enumerate(values))

    def tally(first_s: float) -> tuple[Sample, ...]:
        errors = noise.poisson(1.0, half)
        return tuple(
            Sample(at_s=first_s + 15 * i, errors=float(e), requests=500.0)
            for i, e in enumerate(errors)
        )

    kinds = [SignalKind.LATENCY, SignalKind.SATURATION, SignalKind.ERRORS, SignalKind.THROUGHPUT]
    chosen = [kinds[i % len(kinds)] for i in range(signals)]
    return Evidence(
        signals=tuple(
            SignalEvidence(
                rule=SignalRule(name=f"signal {i}", kind=kind),
                baseline=(tally if kind is SignalKind.ERRORS else series)(-15.0 * half),
                post=(tally if kind is SignalKind.ERRORS else series)(0.0),
            )
            for i, kind in enumerate(chosen)
        ),
        every_s=15,
        period_s=15 * half,
        elapsed_s=15 * half,
    )


def median_ms(evidence: Evidence, rounds: int = 200) -> float:
    """Return the median processor time of one judgement in milliseconds."""
    judge(evidence)
    costs: list[float] = []
    for _ in range(rounds):
        start = time.thread_time()
        judge(evidence)
        costs.append(1000 * (time.thread_time() - start))
    return statistics.median(costs)


def first_ms(evidence: Evidence, rounds: int = 50) -> float:
    """Return the same of a first look, with nothing remembered of any baseline."""
    costs: list[float] = []
    for _ in range(rounds):
        forget()
        start = time.thread_time()
        judge(evidence)
        costs.append(1000 * (time.thread_time() - start))
    return statistics.median(costs)


def making_ms(evidence: Evidence, rounds: int = 200) -> float:
    """Return the median processor time of making a watch's columns anew, in milliseconds."""
    dumped = [dict(side) for one in evidence.columns for side in (one.baseline, one.post)]
    costs: list[float] = []
    for _ in range(rounds):
        start = time.thread_time()
        for side in dumped:
            Columns(**side)
        costs.append(1000 * (time.thread_time() - start))
    return statistics.median(costs)


def lines_per_second(lines: int = 20_000) -> float:
    """Return how many log lines one core turns into templates in a second."""
    text = [
        f"2026-11-23T10:00:{i % 60:02d}Z {'ERROR' if i % 50 == 0 else 'INFO'} order {i} for "
        f"user 8f14e45f-ceea-467f-a8b1-{i:012x} took {i % 97} ms at 10.0.0.{i % 250}"
        for i in range(lines)
    ]
    start = time.thread_time()
    log_templates(text)
    return lines / (time.thread_time() - start)


def main() -> None:
    """Print the figures."""
    for samples in (60, 120, 240, 480, 960):
        evidence = watch(10, samples)
        columns = in_columns(evidence)
        print(
            f"judge: 10 signals x {samples:4d} samples  {median_ms(evidence):6.2f} ms median, "
            f"{median_ms(columns):6.2f} ms in columns ({first_ms(columns):.2f} at its first look), "
            f"which take {making_ms(columns):.2f} to make"
        )
    print(f"templates: {lines_per_second():,.0f} lines a second")


if __name__ == "__main__":
    main()
