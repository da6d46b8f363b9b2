"""A replay gives the same bytes, or names what differs and whether the judge moved on."""

import json
from typing import Any

import pytest

from goaround_judge import JUDGE_VERSION, Evidence, judge
from goaround_judge.recording import Damaged, Recording, read, write
from goaround_judge.replay import ABSENT, WHOLE, Difference, replay
from tests.judge.watches import errors, log, noise, signal, watch


def evidence() -> Evidence:
    lines = log([["INFO served in 12 ms"]] * 8, [["ERROR cannot reach the database"]] * 8)
    return watch(
        signal(noise(1, 40), noise(2, 20, 0.5), name="p95"),
        errors([0] * 40, [0] * 20),
        logs=(lines,),
    )


def changed(**fields: Any) -> Recording:
    """Return a recording whose verdict says something else in these fields."""
    verdict = json.loads(judge(evidence()).model_dump_json())
    return Recording(evidence(), json.dumps({**verdict, **fields}))


def test_what_was_recorded_is_had_again_byte_for_byte() -> None:
    found = replay(read(write(evidence(), judge(evidence()))))
    assert found.same
    assert not found.differences
    assert not found.another_judge
    assert found.verdict == judge(evidence())


def test_each_difference_is_named_with_its_place_what_was_and_what_is() -> None:
    now = judge(evidence())
    signals = json.loads(now.model_dump_json())["signals"]
    signals[0]["limit"] = 0.75
    found = replay(changed(colour="green", signals=signals))
    assert not found.same
    assert found.differences == (
        Difference("colour", "green", "red"),
        Difference('signals["p95"].limit', 0.75, now.signals[0].limit),
    )


def test_a_field_that_one_side_lacks_is_told_from_one_that_is_null() -> None:
    found = replay(changed(deciding=None, mood="calm"))
    assert Difference("mood", "calm", ABSENT) in found.differences
    assert ("deciding", None) in [(d.path, d.was) for d in found.differences]


def test_a_part_that_is_gone_is_named_by_itself() -> None:
    now = judge(evidence())
    found = replay(changed(signals=json.loads(now.model_dump_json())["signals"][1:]))
    assert [d.path for d in found.differences] == ['signals["p95"]']
    assert found.differences[0].was is ABSENT


def test_numbers_of_another_type_and_findings_are_told_apart_by_their_place() -> None:
    logs = [json.loads(x.model_dump_json()) for x in judge(evidence()).logs]
    logs[0]["findings"][0]["after"] = True
    found = replay(changed(logs=logs))
    assert [d.path for d in found.differences] == ['logs["log"].findings[0].after']


def test_the_same_values_in_other_bytes_are_not_the_same() -> None:
    found = replay(changed())
    assert not found.same
    assert [d.path for d in found.differences] == [WHOLE]


def test_another_version_of_the_judge_is_told() -> None:
    found = replay(changed(judge_version="0"))
    assert (found.recorded_version, found.another_judge) == ("0", True)
    assert found.differences == (Difference("judge_version", "0", JUDGE_VERSION),)
    assert replay(changed(judge_version=None)).recorded_version == ""


@pytest.mark.parametrize(("verdict", "why"), [("{", "no JSON:"), ("[]", "no JSON object")])
def test_a_verdict_that_is_none_is_damage(verdict: str, why: str) -> None:
    with pytest.raises(Damaged, match=why):
        replay(Recording(evidence(), verdict))
