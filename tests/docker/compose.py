"""docker-compose.yml as Docker's own program understands it."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from tests.architecture.workspace import ROOT

PROGRAM = Path(sys.executable).parent / "docker-compose"


def compose(*arguments: str, env_file: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run it in a clean environment: what the caller has set must not decide."""
    given = ["--env-file", str(env_file)] if env_file else []
    return subprocess.run(
        [str(PROGRAM), "--file", str(ROOT / "docker-compose.yml"), *given, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PATH": os.environ.get("PATH", os.defpath), "HOME": os.environ.get("HOME", "/")},
        check=False,
    )


def secrets() -> dict[str, str]:
    """What deploy/secrets.sh would write into a .env."""
    text = subprocess.run(
        ["sh", "deploy/secrets.sh"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


@cache
def services() -> dict[str, dict[str, Any]]:
    """Every block, those of every profile too, with anchors and defaults put in."""
    done = compose("--profile", "*", "config", "--format", "json")
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)["services"]
    return found
