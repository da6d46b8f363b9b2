"""A recording gives back what was judged, and says so where it cannot."""

import base64
import zlib

import pytest

from goaround_judge import Evidence, judge
from goaround_judge.recording import Damaged, read, write
from tests.judge.watches import log, noise, signal, watch


def recorded() -> tuple[Evidence, str]:
    lines = log([["INFO served in 12 ms"]] * 8, [["ERROR cannot reach the database"]] * 8)
    evidence = watch(signal(noise(1, 40), noise(2, 20)), logs=(lines,))
    return evidence, write(evidence, judge(evidence))


def test_what_was_recorded_comes_back_and_is_judged_the_same_byte_by_byte() -> None:
    evidence, text = recorded()
    found = read(text)
    assert found.evidence == evidence
    assert judge(found.evidence).model_dump_json() == found.verdict


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "ends early"),
        ("no base64!", "base64"),
        (base64.b64encode(b"no zlib").decode(), "header"),
        (base64.b64encode(zlib.compress(b"one line")).decode(), "two lines"),
        (base64.b64encode(zlib.compress(b'{"period_s":-1}\n{}\n')).decode(), "1 fault"),
        (base64.b64encode(zlib.compress(b"\xff\n\xff\n")).decode(), "utf-8"),
    ],
)
def test_what_is_no_recording_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(Damaged, match=why):
        read(text)


def test_half_a_recording_is_refused() -> None:
    _, text = recorded()
    with pytest.raises(Damaged, match="ends early"):
        read(base64.b64encode(base64.b64decode(text)[:-9]).decode())
