"""Charts of recorded watches: all that decided is to be seen, to be read, and safe to open."""

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from goaround.report.axis import clock, levels, times
from goaround.report.picture import picture
from goaround.report.trace import MOST_POINTS, Point, thinned, trace_of
from goaround.report.watched import Watched, watched
from goaround_judge import (
    Evidence,
    Sample,
    SampleState,
    SignalEvidence,
    SignalKind,
    judge,
)
from goaround_judge.recording import Damaged, Recording, read, write
from tests.judge.watches import counts, errors, log, noise, signal, watch
from tests.judge.watches import levels as looks

STORY = "2026-01-01 12:00:00 ERROR payments: no connection to 10.0.0.3 </svg><script>"


def latency(factor: float = 3.0, name: str = "p95 latency") -> SignalEvidence:
    return signal(noise(1, 40), [v * factor for v in noise(2, 20)], name=name)


def holed() -> SignalEvidence:
    """A latency of which looks were lost, each for another reason."""
    lost = [state for state in SampleState if state is not SampleState.OK]
    one = latency(1.0, "holed")
    post = tuple(
        Sample(at_s=s.at_s, state=lost[i - 4]) if 4 <= i < 4 + len(lost) else s
        for i, s in enumerate(one.post)
    )
    return one.model_copy(update={"post": post})


def drawn(*signals: SignalEvidence, **changes: object) -> Watched:
    evidence = watch(*signals, looks=20, **changes)  # type: ignore[arg-type]
    return watched(read(write(evidence, judge(evidence))), version="1.3.0")


def texts(svg: str) -> list[str]:
    """Every text that can be read in a picture, title and description included."""
    return ["".join(e.itertext()) for e in _all(svg) if e.tag in ("text", "title", "desc")]


def _all(svg: str) -> list[ET.Element]:
    return list(ET.fromstring(svg).iter())


def by_class(svg: str, class_: str) -> list[ET.Element]:
    return [e for e in _all(svg) if class_ in (e.get("class") or "").split()]


def test_a_chart_names_the_signal_its_limits_the_switch_and_the_verdict() -> None:
    (part,) = drawn(latency()).parts
    said = texts(part.chart)
    verdict = part.part
    for wanted in ("p95 latency  s", "switch to 1.3.0", "regressed"):
        assert wanted in said
    assert any(t.startswith("red after 5 min, rollback") for t in said)
    assert [t.split()[0] for t in said if re.match("limit |green to |usually ", t)] == [
        "limit",
        "green",
        "usually",
    ]
    desc = next(t for t in said if "Red begins at" in t)
    assert verdict.reason in desc
    assert "20 looks after the switch brought a number." in desc


def test_looks_beyond_the_limit_have_a_shape_of_their_own_and_the_red_one_a_ring() -> None:
    (part,) = drawn(latency()).parts
    (bad,) = by_class(part.chart, "dot-bad")
    assert (bad.get("d") or "").count("M") == 20
    assert len(by_class(part.chart, "ring")) == 1
    (calm,) = drawn(latency(1.0)).parts
    assert not by_class(calm.chart, "dot-bad")
    assert not by_class(calm.chart, "ring")


def test_each_way_of_bringing_nothing_is_marked_and_named_and_breaks_the_line() -> None:
    (part,) = drawn(holed()).parts
    said = texts(part.chart)
    for state in ("no data", "not a number", "stale", "provider error", "too few"):
        assert said.count(state) >= 2  # at the mark, and in the legend
    shapes = {e.get("d") for e in by_class(part.chart, "lost") if e.get("transform")}
    assert len(shapes) == 5
    (line,) = by_class(part.chart, "line-after")
    assert (line.get("d") or "").count("M") == 2


def test_errors_are_rates_and_say_their_counts_under_the_pointer() -> None:
    rng = np.random.default_rng(3)
    (part,) = drawn(errors(rng.binomial(200, 0.004, 40), [9] * 20)).parts
    said = texts(part.chart)
    assert any(t.startswith("9 of 200 requests, 4.5 %, 30 s after") for t in said)
    assert any(t.endswith("%") for t in said)


def test_errors_without_requests_are_counted_a_look() -> None:
    (part,) = drawn(errors([0] * 40, [5] * 20, None)).parts
    assert "5 errors, 15 s after the switch" in texts(part.chart)
    assert "errors  a look" in texts(part.chart)


def test_a_control_group_and_a_like_time_are_drawn_and_named() -> None:
    one = latency().model_copy(
        update={
            "control_baseline": looks(noise(5, 40), -600),
            "control_post": looks(noise(6, 20), 0),
            "reference": looks(noise(7, 60), -86_400),
        }
    )
    (part,) = drawn(one).parts
    assert "control group" in texts(part.chart)
    assert "1 day before" in texts(part.chart)
    assert len(by_class(part.chart, "line-like")) == 2  # the line, and its sample in the legend


def test_counts_that_nobody_asked_for_are_no_points() -> None:
    one = errors([1] * 40, [2] * 20)
    quiet = one.model_copy(update={"post": counts([0.0] * 20, 0.0, 0.0)})
    trace = trace_of(quiet, judge(watch(quiet)).signals[0])
    assert trace.after == ()


def test_the_deciding_part_comes_first_and_muted_ones_last() -> None:
    muted = latency(9.0, "muted")
    muted = muted.model_copy(update={"rule": muted.rule.model_copy(update={"muted": True})})
    found = drawn(muted, latency(1.0, "calm"), latency(3.0, "bad"))
    assert [part.part.name for part in found.parts] == ["bad", "calm", "muted"]


def test_a_log_shows_what_is_new_how_often_and_a_line_of_it() -> None:
    lines = log([["INFO ok"] * 9] * 40, [["INFO ok"] * 9 + [STORY] * 3] * 20, "app")
    (part,) = drawn(logs=(lines,)).parts
    said = texts(part.chart)
    assert STORY in said
    assert "240 since the switch" in said
    assert any(t.startswith("new: none before, 60 after (12 a minute)") for t in said)
    assert "<script>" not in part.chart


def test_of_a_line_in_json_the_message_is_shown() -> None:
    line = '{"time": "2026-01-01T12:00:00Z", "level": "ERROR", "message": "GET /orders failed"}'
    lines = log([["INFO ok"]] * 40, [[line] * 3] * 20, "app")
    (part,) = drawn(logs=(lines,)).parts
    assert "ERROR GET <path> failed" in texts(part.chart)


def test_what_came_before_and_after_is_drawn_on_one_scale() -> None:
    lines = log([["INFO ok"]] * 40, [["INFO ok"] * 4] * 20, "app")
    (part,) = drawn(logs=(lines,)).parts
    bars = [e.get("d") or "" for e in _all(part.chart) if "fill:var" in (e.get("style") or "")]
    before, after = (float(re.findall(r"v-([\d.]+)", d)[0]) for d in bars[-2:])
    assert (before, after) == (7.5, 30.0)


def test_an_unreadable_log_says_that_it_could_not_be_read() -> None:
    lines = log([["INFO ok"]] * 40, [["INFO ok"]] * 20, "app")
    blind = lines.model_copy(
        update={"post": tuple(w.model_copy(update={"readable": False}) for w in lines.post)}
    )
    (part,) = drawn(logs=(blind,)).parts
    assert "20 since the switch; 20 looks could not read it" in texts(part.chart)


@settings(max_examples=40, deadline=None)
@given(
    st.text(max_size=80),
    st.lists(
        st.one_of(st.none(), st.floats(-1e12, 1e12), st.floats(1e-9, 1.0)), min_size=1, max_size=30
    ),
    st.sampled_from(list(SignalKind)),
)
@example("", [1.1125369292536007e-308, 9.0], SignalKind.LATENCY)
def test_whatever_was_recorded_makes_a_well_formed_picture(
    name: str, values: list[float | None], kind: SignalKind
) -> None:
    after = tuple(Sample(at_s=15.0 * i, value=v, errors=v) for i, v in enumerate(values))
    one = latency().model_copy(update={"post": after})
    rule = one.rule.model_copy(update={"name": name, "unit": name[:5], "kind": kind})
    (part,) = drawn(one.model_copy(update={"rule": rule})).parts
    whole = picture([part.chart, part.chart], name)
    ET.fromstring(whole)
    assert not re.search(r"\bnan\b|\binf\b", " ".join(e.get("d") or "" for e in _all(whole)))


def test_a_picture_stands_alone_by_day_and_by_night() -> None:
    svg = picture([p.chart for p in drawn(latency(), latency(1.0, "calm")).parts], "two & more")
    assert "prefers-color-scheme:dark" in svg
    assert set(re.findall(r"https?://[^\"']+", svg)) == {"http://www.w3.org/2000/svg"}
    for word in ("<script", "href", "url(", "@import"):
        assert word not in svg
    root = ET.fromstring(svg)
    assert root.get("viewBox") == "0 0 760 554"


def test_every_chart_has_a_name_and_a_description_that_it_points_to() -> None:
    lines = log([["INFO ok"]] * 40, [[STORY]] * 20)
    found = drawn(latency(), latency(1.0, "calm"), logs=(lines,))
    ids: list[str] = []
    for part in found.parts:
        own = {e.get("id"): e.tag for e in _all(part.chart) if e.get("id")}
        named = (ET.fromstring(part.chart).get("aria-labelledby") or "").split()
        assert [own[name] for name in named] == ["title", "desc"]
        ids += named
    assert len(ids) == len(set(ids)) == 6


def test_a_verdict_that_cannot_be_read_is_damage() -> None:
    with pytest.raises(Damaged, match="faults in the verdict"):
        watched(Recording(Evidence(period_s=1.0), "{}"))


def test_thinning_keeps_every_peak_and_every_loss() -> None:
    points = [Point(float(i), 1.0) for i in range(5000)]
    points[1234] = Point(1234.0, 99.0)
    points[4321] = Point(4321.0, None, SampleState.NAN)
    kept = thinned(tuple(points))
    assert len(kept) <= 2 * MOST_POINTS
    assert points[1234] in kept
    assert points[4321] in kept
    assert all(a.at_s < b.at_s for a, b in pairwise(kept))


def test_time_before_the_switch_may_be_narrower_and_never_runs_backwards() -> None:
    axis = times(-3600.0, 900.0, 0.0, 700.0)
    places = [axis.at(s) for s in (-9999, -3600, -1800, -1, 0, 1, 450, 900, 9999)]
    assert places == sorted(places)
    assert [places[0], places[4], places[-1]] == pytest.approx([0.0, 294.0, 700.0])
    assert axis.squeeze == pytest.approx(4 * 406 / 294)
    assert ("−30 min" in [n for _, n in axis.marks()], times(0, 10, 0, 9).squeeze) == (True, 1.0)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0"), (0.5, "0.5 s"), (90, "1:30"), (300, "5 min"), (5400, "90 min"), (7200, "2 h")],
)
def test_moments_read_shortly(seconds: float, said: str) -> None:
    assert clock(seconds) == said


def test_values_are_marked_roundly_and_great_harm_is_drawn_in_ratios() -> None:
    plain = levels([0.18, 0.2, 0.44], 0.2, 200.0, 0.0)
    assert (plain.low, plain.logarithmic) == (0.0, False)
    assert plain.marks() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    great = levels([0.2, 60.0], 0.2, 200.0, 0.0)
    assert great.logarithmic
    assert all(great.low <= mark <= great.high for mark in great.marks())
    assert 0 < len(great.marks()) <= 7
    high = levels([0.97, 0.99], 0.98, 200.0, 0.0)
    assert 0.9 < high.low < 0.97
    flat = levels([5.0, 5.0], 5.0, 200.0, 0.0)
    assert flat.low < 5.0 < flat.high
