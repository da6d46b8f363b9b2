"""What docs/sources.md tells a person to write is a source that keeps every promise."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs/sources.md"
FILES = ("pyproject.toml", "acme_json.py", "test_acme_json.py")


@pytest.mark.system
def test_the_source_of_the_page_passes_the_tests_of_the_page(tmp_path: Path) -> None:
    blocks = re.findall(r"```(?:toml|python)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for name, text in zip(FILES, blocks, strict=True):
        (tmp_path / name).write_text(text)
    described = tomllib.loads((tmp_path / "pyproject.toml").read_text())
    assert described["project"]["entry-points"]["goaround.sources"] == {
        "json": "acme_json:JsonSource"
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # It needs none.
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "10 passed, 3 skipped" in done.stdout
