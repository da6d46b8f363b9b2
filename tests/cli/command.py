"""`goaround` as people run it: a process of its own, with its output and its exit code."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

GOAROUND = (sys.executable, "-c", "import sys; from goaround.cli import main; sys.exit(main())")


def goaround(
    *arguments: str,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    within_s: float = 60,
) -> subprocess.CompletedProcess[str]:
    """Run it to its end, without a terminal."""
    return subprocess.run(
        [*GOAROUND, *arguments],
        cwd=cwd,
        env=clean_environment() | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )


def clean_environment() -> dict[str, str]:
    """This process' environment, without what would name a system."""
    return {k: v for k, v in os.environ.items() if not k.startswith("GOAROUND_")}


def guide(service: str, *, health: str = "true", switch: str = "true") -> str:
    """A guide whose switch and health are what a test needs; {version} may stand in them."""
    return f"""\
guide: goaround/v1
service: {service}
environments: {{prod: {{}}}}
deploy:
  steps:
    - {{name: switch, run: [sh, -c, '{switch}'], idempotent: true}}
verify:
  liveness:
    - {{name: alive, run: [sh, -c, '{health}'], retries: 0}}
watch: {{period: 0s}}
rollback:
  steps:
    - {{name: back, idempotent: true, run: ['true']}}
"""
