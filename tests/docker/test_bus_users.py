"""The rights in containers are the topology's own, and the server takes the file that says so."""

import os
import subprocess
from collections.abc import Mapping

from goaround.embedded.binary import nats_program
from goaround.natsconf import configuration
from goaround.topology import TAKES, topology, users
from tests.architecture.workspace import ROOT
from tests.docker.compose import secrets

CONFIG = ROOT / "deploy/nats/nats.conf"
USERS = ROOT / "deploy/nats/users.conf"


def checked(passwords: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Have the server read its configuration, and do nothing else."""
    return subprocess.run(
        [nats_program(), "-t", "-c", str(CONFIG)],
        env={"PATH": os.environ.get("PATH", os.defpath), **passwords},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_user_has_the_rights_that_the_topology_gives_it() -> None:
    written = configuration(users())
    assert USERS.read_text() == written, "run: goaround users --nats-conf > deploy/nats/users.conf"
    names = {user.name for user in users()}
    assert set(TAKES) <= names
    for name in names:
        assert f'"user": "{name}"' in written
    for consumer in topology().consumers:
        assert f"$JS.API.CONSUMER.MSG.NEXT.{consumer.stream}.{consumer.name}" in written


def test_the_server_takes_the_configuration() -> None:
    done = checked({k: v for k, v in secrets().items() if k.startswith("GOAROUND_NATS")})
    assert done.returncode == 0, done.stderr


def test_a_missing_password_stops_the_server_and_is_named() -> None:
    given = {k: v for k, v in secrets().items() if k.startswith("GOAROUND_NATS")}
    del given["GOAROUND_NATS_PASSWORD_WATCHER"]
    done = checked(given)
    assert done.returncode != 0
    assert "GOAROUND_NATS_PASSWORD_WATCHER" in done.stderr
