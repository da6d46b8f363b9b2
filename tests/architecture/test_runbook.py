"""The page that says where each line of the runbook is done names tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "runbook.md").read_text()
NAMED = sorted(set(re.findall(r"`([a-z_/]+\.py)::(test_[a-z0-9_]+)`", PAGE)))


def test_every_line_has_a_test() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")]
    said = [r for r in rows if not r.startswith(("| the runbook", "| ---"))]
    assert len(said) >= 30
    assert [r for r in said if "::test_" not in r] == []


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_the_test_exists(file: str, name: str) -> None:
    text = (ROOT / "tests" / file).read_text()
    assert re.search(rf"def {name}\(", text), f"{file} has no {name}"
