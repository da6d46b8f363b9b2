"""`warm`: fill the caches of a release before it takes traffic; some releases have more to fill."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from goaround_shop.releases import UnknownRelease, release

_TICKS_A_SECOND = 100


def main(argv: Sequence[str]) -> int:
    """Return when the caches are full, so many seconds after this process began."""
    parser = argparse.ArgumentParser(prog="goaround_shop warm", description=__doc__)
    parser.add_argument("version")
    args = parser.parse_args(argv[1:])
    try:
        wanted_s = release(args.version).warms_for_s
    except UnknownRelease as error:
        parser.error(str(error))
    # By the process' own age: on a machine that is slow to start it, the caches fill meanwhile.
    time.sleep(max(wanted_s - _age_s(), 0.0))
    print(f"the caches of {args.version} are full after {wanted_s:g} s", file=sys.stderr)
    return 0


def _age_s() -> float:
    """How long ago this process began; 0 where the system does not say."""
    try:
        began = float(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        uptime_s = float(Path("/proc/uptime").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0.0
    return max(uptime_s - began / _TICKS_A_SECOND, 0.0)
