"""Having the orchestrator move its own tables, as the program it is; nothing of it is imported."""

import os
import subprocess
import sys
from importlib.util import find_spec

from goaround.cli.session import Failed


def migrate_schema(database_url: str) -> str:
    """Return what was done to the database's schema, in one line.

    Raises:
        Failed: The orchestrator is not installed here, or could not do it.
    """
    if find_spec("goaround_orchestrator") is None:
        raise Failed(
            "goaround-orchestrator is not installed here, and the tables are its own; run "
            "goaround-orchestrator migrate where it is, with GOAROUND_DATABASE_URL"
        )
    done = subprocess.run(
        [sys.executable, "-m", "goaround_orchestrator", "migrate"],
        # It reads all its settings; only the database's is used.
        env=os.environ | {"GOAROUND_DATABASE_URL": database_url, "GOAROUND_GUIDES_DIR": "."},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"the database's schema: {(done.stderr or done.stdout).strip()}")
    return done.stdout.strip()
