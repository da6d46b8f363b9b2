"""However large a watch grows, it fits; and its evidence is what was judged, byte for byte."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goaround_judge import Severity, judge, recording
from goaround_schemas.envelope import encode
from goaround_schemas.watching import DeployJudged
from goaround_watcher import answers, document, fitting, watch
from goaround_watcher.look import Look, SeenSignal
from goaround_watcher.looks import Looks, Row
from goaround_watcher.sources.port import Lines
from goaround_watcher.state import LogRecord, SignalRecord, State, Stretch, Template
from tests.watcher.builders import at, command, plan, queried, since_1970, span

NATS_HOLDS = 1024 * 1024


def grown(
    *, rows: int, signals: int, logs: int = 0, templates: int = 200, each: int = 20, seed: int = 1
) -> State:
    """Return a watch of a minute that has come to its last look, with so much of everything."""
    noise = random.Random(seed)
    names = [f"s{i}" for i in range(signals)]
    files = [{"name": f"l{i}", "file": f"{i}.log"} for i in range(logs)]
    wanted = plan(signals=[queried(name) for name in names], logs=files)
    state = watch.begun(command("watch", watch=wanted), wanted, None, at(0), longest_baseline_s=300)

    def looks(since: float, until: float) -> Looks:
        step = (until - since) / max(rows, 1)
        times = (round(since_1970(since + i * step), 3) for i in range(rows))
        return Looks.of(Row(t, noise.lognormvariate(0, 0.1)) for t in times)

    def stretches(since: float, until: float) -> tuple[Stretch, ...]:
        step = (until - since) / 400
        edges = [since_1970(since + i * step) for i in range(401)]
        return tuple(
            Stretch(a, b, {p: noise.randrange(1, 9) for p in noise.sample(range(templates), each)})
            for a, b in pairwise(edges)
        )

    def log() -> LogRecord:
        words = [f"{noise.getrandbits(600):x}" for _ in range(templates)]
        return LogRecord(
            templates=tuple(Template(w, Severity.INFO, w[:100] * 2) for w in words),
            before=stretches(-60, 0),
            after=stretches(0, 60),
            cursors={},
        )

    return state.model_copy(
        update={
            "signals": {n: SignalRecord(before=looks(-60, 0), after=looks(0, 60)) for n in names},
            "logs": {f"l{i}": log() for i in range(logs)},
            "tick": 12,
            "extensions": 1,
        }
    )


def last_look(state: State) -> Look:
    silent = {title: Lines((), cursors={}) for title in state.logs}
    return Look(span(59, 60), {name: SeenSignal(()) for name in state.signals}, silent, {})


def answered(state: State) -> tuple[State, bytes, DeployJudged]:
    """Take the last look at it, as a watcher does."""
    kept, written = fitting.fitted(partial(watch.after, state, last_look(state), at(60)))
    judged = kept.said[-1]
    assert isinstance(judged, DeployJudged)
    return kept, written, judged


def holds_what_was_judged(state: State) -> int:
    """Return the bytes of the largest message; everything must be as it was judged."""
    kept, written, judged = answered(state)
    said = answers.evidenced(kept, judged)
    assert fitting.is_sayable(said)
    found = recording.read(said.data.recording)
    assert judge(found.evidence).model_dump_json() == found.verdict
    assert json.loads(found.verdict)["reason"] == judged.data.summary.reason
    # Another watcher, which has nothing but the document, says the very same.
    assert encode(answers.evidenced(document.read(written), judged)) == encode(said)
    return max(len(written), len(encode(said)))


def test_a_usual_watch_is_judged_whole() -> None:
    state = grown(rows=240, signals=10)
    kept, _, _ = answered(state)
    assert (kept.thinned, kept.signals) == (0, state.signals)
    assert holds_what_was_judged(state) < NATS_HOLDS / 2


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(lambda: grown(rows=1500, signals=30), id="more looks than a document holds"),
        pytest.param(
            lambda: grown(rows=100, signals=2, logs=2, templates=400, each=60),
            id="logs that are small in the document and large in the recording",
        ),
        pytest.param(lambda: grown(rows=100, signals=150), id="very many signals"),
    ],
)
def test_a_watch_that_is_too_large_is_cut_before_it_is_judged(state: Callable[[], State]) -> None:
    size = holds_what_was_judged(state())
    assert size < NATS_HOLDS - 2_000


def test_what_weighs_least_is_left_whole() -> None:
    state = grown(rows=100, signals=2, logs=1, templates=400, each=60)
    kept, written, judged = answered(state)
    assert len(written) < fitting.MOST_BYTES / 3
    assert len(answers.evidenced(kept, judged).data.recording) > fitting.MOST_BYTES / 4
    assert kept.signals == state.signals
    assert len(kept.logs["l0"].after) < len(state.logs["l0"].after)
    assert kept.logs["l0"].after[-1].until == since_1970(60)


@settings(max_examples=12)
@given(
    rows=st.sampled_from((0, 3, 100, 1001)),
    signals=st.integers(1, 2),
    logs=st.integers(0, 1),
    seed=st.integers(0, 2**16),
)
def test_any_watch_judges_to_the_same_bytes_from_its_recording(
    rows: int, signals: int, logs: int, seed: int
) -> None:
    holds_what_was_judged(grown(rows=rows, signals=signals, logs=logs, each=3, seed=seed))


def test_a_look_that_fits_is_judged_once() -> None:
    state = grown(rows=240, signals=3)
    asked: list[object] = []

    def outcome(bounds: document.Bounds) -> State:
        asked.append(bounds)
        return watch.after(state, last_look(state), at(60), bounds)

    fitting.fitted(outcome)
    assert asked == [document.Bounds()]
