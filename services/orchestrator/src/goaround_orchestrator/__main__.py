"""`goaround-orchestrator` runs the service; `goaround-orchestrator migrate` moves the schema."""

import asyncio
import sys

from goaround_chassis.service import run
from goaround_chassis.settings import BadSettings, read
from goaround_orchestrator.app import build
from goaround_orchestrator.settings import OrchestratorSettings
from goaround_orchestrator.store import NotLetIn, SchemaTooNew, migrate


def main() -> int:
    """Run what the command line asks for; return the exit code."""
    if sys.argv[1:2] == ["migrate"]:
        return _migrate()
    if sys.argv[1:]:
        print(f"usage: goaround-orchestrator [migrate]; not {sys.argv[1:]}", file=sys.stderr)  # noqa: T201
        return 2
    return run(build, OrchestratorSettings)


def _migrate() -> int:
    try:
        settings = read(OrchestratorSettings.from_environment)
        applied = asyncio.run(migrate(settings.database_url.get_secret_value()))
    except (BadSettings, SchemaTooNew, NotLetIn) as exc:
        print(exc, file=sys.stderr)  # noqa: T201 - a command's answer
        return 2
    except OSError as exc:
        print(f"the database cannot be reached: {exc}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"schema: {', '.join(applied) or 'nothing to do'}")  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
