"""What a test or a demo starts is gone when its process is, however that went."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.ground import until

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("local")]

LAUNCHER = """\
import sys, time
from pathlib import Path
from goaround.local import LocalSystem

root = Path(sys.argv[1])
system = LocalSystem(root / "s", root, root, sync="2m", durable=False, die_with_parent=True)
system.start()
servers = (system.servers.nats.pid(), system.servers.postgres.pid())
print("started", *(p.pid for p in system.parts), *servers, flush=True)
sys.stdin.read()
"""


def _of_a_killed_launcher(folder: Path) -> list[int]:
    """The processes that a launcher has started before it was killed."""
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with launcher:
        assert launcher.stdout is not None
        lines = iter(launcher.stdout.readline, "")
        said = next(line for line in lines if line.startswith("started"))
        launcher.kill()
    return [int(pid) for pid in said.split()[1:]]


async def test_a_killed_launcher_leaves_no_service_and_no_server_behind(tmp_path: Path) -> None:
    pids = _of_a_killed_launcher(tmp_path)
    assert len(pids) == 8
    await until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
