"""A disk that can be made full is one that only the servers see, and is gone with them."""

import subprocess
from pathlib import Path

import pytest

from tests.chaos.nodes import Disk

_MIB = 1024 * 1024


def _write(disk: Disk, kib: int) -> int:
    command = f'dd if=/dev/zero of="$1" bs=1024 count={kib}'
    argv = [*disk.enter, "sh", "-c", command, "sh", str(disk.place / "written")]
    return subprocess.run(argv, capture_output=True, check=False).returncode


def test_a_disk_is_full_until_it_is_freed(tmp_path: Path) -> None:
    if not Disk.available(tmp_path / "try"):
        pytest.skip("this machine lets nobody have a disk of their own")
    disk = Disk(tmp_path / "disk", _MIB)
    try:
        assert _write(disk, 64) == 0
        disk.fill()
        assert _write(disk, 512) != 0
        disk.free()
        assert _write(disk, 512) == 0
        assert list(disk.place.iterdir()) == [], "it is seen by others"
    finally:
        disk.close()
