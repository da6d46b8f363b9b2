"""`goaround-deployer`: run the deployer until told to stop."""

import sys

from goaround_chassis.service import run
from goaround_deployer.app import build
from goaround_deployer.settings import DeployerSettings


def main() -> None:
    """Run the service, and exit with its code."""
    sys.exit(run(build, DeployerSettings))


if __name__ == "__main__":
    main()
