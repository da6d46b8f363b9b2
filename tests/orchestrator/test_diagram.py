"""The page on the lifecycle says what the code does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from goaround_orchestrator import diagram
from goaround_orchestrator.lifecycle import LEGAL
from goaround_schemas.phase import ENDS, Phase
from tests.orchestrator import builders as build

PAGE = Path(__file__).parents[2] / "docs" / "lifecycle.md"


def test_the_committed_page_is_the_one_that_the_code_writes() -> None:
    assert PAGE.read_text() == diagram.page(), "write it anew: make docs"


def test_every_phase_has_a_meaning_who_moves_it_and_a_deadline() -> None:
    assert set(diagram.meanings()) == set(Phase)
    assert set(diagram.MOVED_BY) == set(diagram.DEADLINE) == set(Phase) - ENDS


@pytest.mark.parametrize("phase", [p for p in Phase if p not in ENDS and p is not Phase.REQUESTED])
def test_a_phase_with_a_deadline_on_the_page_has_one(phase: Phase) -> None:
    if phase is Phase.QUEUED:
        assert build.queued().deadline is not None
    else:
        assert build.in_phase(phase).deadline is not None


def test_the_diagram_has_every_arrow_and_no_other() -> None:
    arrows = set(re.findall(r"^    (\w+) --> (\w+): ", diagram.page(), re.M))
    assert arrows == {(str(a), str(b)) for a, ways in LEGAL.items() for b in ways}


def test_the_command_writes_the_page_and_says_how_it_is_used(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "goaround_orchestrator.diagram"]
    target = tmp_path / "lifecycle.md"
    subprocess.run([*command, str(target)], check=True, timeout=30)
    assert target.read_text() == diagram.page()
    asked = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (asked.returncode, asked.stderr.startswith("usage: ")) == (2, True)
