"""One line for each run."""

import json

import pytest

from goaround_scribe.journal import addition, line_for
from tests.scribe.builders import record_of

LINE = line_for(record_of(run_id="r-1", request_reason="one\ntwo\u2028three"))


def test_a_line_is_one_json_document_without_what_is_elsewhere() -> None:
    document = json.loads(LINE)
    assert "\n" not in LINE
    assert (document["run_id"], document["outcome"]) == ("r-1", "succeeded")
    assert document["request_reason"] == "one\ntwo\u2028three"
    assert document["recorded_at"] == "2026-03-04T12:00:00+00:00"
    assert document["watch"]["signals"][0]["baseline"] == 0.21
    assert not {"guide_text", "previous_guide_text", "docs"} & set(document)
    assert "output" not in document["steps"][0]


@pytest.mark.parametrize(
    ("existing", "added"),
    [
        (b"", LINE.encode() + b"\n"),
        (LINE.encode() + b"\n", None),
        (LINE.encode(), None),
        (b'{"run_id":"r-10"}\n', LINE.encode() + b"\n"),
        (b'{"run_id":"r-1","cut o', b"\n" + LINE.encode() + b"\n"),
        (b'{"reason":"r-1"}\n["r-1"]\n\xff"r-1"\n', LINE.encode() + b"\n"),
    ],
)
def test_a_run_is_added_once(existing: bytes, added: bytes | None) -> None:
    assert addition(existing, "r-1", LINE) == added
