"""The worked examples of docs/judge.md are recorded runs, judged and drawn as they were."""

import pytest

from goaround_judge import Colour, replay, rewatch
from goaround_judge.rewatching import ended_at, plan_of
from tests.judge.examples import EXAMPLES, HEADING, PAGE, PICTURES, Example, drawn, section

AGAIN = "judge it again and read what changed: python -m tests.judge.record"
by_name = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)


@by_name
def test_what_was_recorded_is_judged_the_same_byte_by_byte(example: Example) -> None:
    found = replay(example.recording())
    assert found.same, (found.differences, AGAIN)


@by_name
def test_seen_again_look_by_look_it_ends_when_and_as_it_did(example: Example) -> None:
    evidence = example.recording().evidence
    course = rewatch(evidence, plan_of(evidence))
    assert course.verdict.colour is example.watched().verdict.colour
    assert course.at_s == ended_at(evidence)


@by_name
def test_its_picture_is_the_one_that_the_chart_code_draws(example: Example) -> None:
    assert example.picture.read_text() == drawn(example), AGAIN


def test_the_page_tells_the_numbers_of_the_recordings() -> None:
    _, heading, rest = PAGE.read_text().partition(HEADING)
    assert heading + rest == section(), AGAIN
    assert {path.stem for path in PICTURES.glob("*.svg")} == {e.name for e in EXAMPLES}


def test_there_is_a_green_one_a_red_one_by_a_signal_and_a_red_one_by_a_log() -> None:
    verdicts = [example.watched().verdict for example in EXAMPLES]
    assert [v.colour for v in verdicts] == [Colour.GREEN, Colour.RED, Colour.RED]
    assert verdicts[1].deciding in [signal.name for signal in verdicts[1].signals]
    assert verdicts[2].deciding in [log.name for log in verdicts[2].logs]
    assert verdicts[1].would_be_green.startswith("would have been Green at")


def test_nothing_recorded_tells_of_the_machine_it_was_recorded_on() -> None:
    for example in EXAMPLES:
        found = example.recording()
        text = found.evidence.model_dump_json() + found.verdict
        assert str(PAGE.parents[1]) not in text
        assert "/home/" not in text
