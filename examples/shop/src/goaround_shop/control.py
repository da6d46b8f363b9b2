"""`status`, `stop` and `down`: what runs in a state directory, and its end."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from goaround_shop.instances import Instances, Locked

DOWN_S = 2.0
"""`down` is for the end of the day: it waits only so long for requests in hand."""


def main(argv: Sequence[str]) -> int:
    """Tell, drain or end; `status` exits 0 only while the shop serves."""
    parser = argparse.ArgumentParser(prog="goaround_shop", description=__doc__)
    parser.add_argument("command", choices=("status", "stop", "down"))
    parser.add_argument("--state", type=Path, required=True, help="this service's directory")
    args = parser.parse_args(argv)
    instances = Instances(args.state)
    try:
        if args.command == "status":
            return _status(instances)
        with instances.alone():
            alive = instances.alive()
            for instance in alive:
                willing = (
                    instances.end(instance)
                    if args.command == "stop"
                    else instances.end(instance, within_s=DOWN_S)
                )
                how = "ended" if willing else "was killed"
                print(f"{instance.version} {how} (process {instance.process.pid})")
    except Locked as error:
        parser.exit(1, f"{error}\n")
    if not alive:
        print("nothing runs")
    return 0


def _status(instances: Instances) -> int:
    alive = instances.alive()
    for instance in alive:
        doing = "serves" if instance.serving else "drains; it served"
        print(f"{instance.version} {doing} port {instance.port} (process {instance.process.pid})")
    if not alive:
        print("nothing runs")
    return 0 if any(instance.serving for instance in alive) else 3
