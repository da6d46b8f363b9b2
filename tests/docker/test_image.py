"""One Dockerfile makes every image: it takes along what a service needs, pinned, and no more."""

import fnmatch
import re
import runpy
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import PurePosixPath
from shutil import which
from typing import Any

import pytest

from tests.architecture.test_isolation import closure
from tests.architecture.workspace import ROOT, Member, closure_of_members, members, services
from tests.docker import compose

DOCKERFILE = (ROOT / "Dockerfile").read_text()
PINS: dict[str, Any] = runpy.run_path(str(ROOT / "deploy/pins.py"))
REQUIREMENTS = (ROOT / "requirements.txt").read_text()


def _instructions(word: str) -> list[str]:
    return re.findall(rf"^{word} (.+)$", DOCKERFILE, re.MULTILINE)


@pytest.mark.parametrize("member", members(), ids=lambda m: m.name)
def test_every_member_that_it_needs_is_copied_and_installed(member: Member) -> None:
    wanted = closure_of_members(member.name)
    assert set(PINS["closure"]([member.name])) == wanted
    copied = _instructions("COPY")
    for needed in (m for m in members() if m.name in wanted):
        assert f"{needed.folder}/pyproject.toml {needed.folder}/" in copied
        top = needed.folder.partition("/")[0]
        assert f"{top} {top}" in copied or f"{needed.folder} {needed.folder}" in copied


@pytest.mark.parametrize("member", members(), ids=lambda m: m.name)
def test_its_pins_are_what_its_environment_would_hold(member: Member) -> None:
    """The pins are chosen by their notes; the installed packages themselves say the same."""
    pins = PINS["needed"](PINS["closure"]([member.name]), REQUIREMENTS)
    assert all("--hash=sha256:" in pin for pin in pins)
    here = {PINS["normal"](p) for p in pins if ";" not in p.splitlines()[0]}
    everywhere = {PINS["normal"](p) for p in pins}
    installed = closure(member) - {m.name for m in members()}
    assert here <= installed <= everywhere


def test_each_service_has_a_program_to_start() -> None:
    for member in services():
        scripts = PINS["tomllib"].loads((ROOT / member.folder / "pyproject.toml").read_text())
        assert f"goaround-{member.service}" in scripts["project"]["scripts"]


def test_it_runs_as_nobody_in_particular_and_ends_when_told() -> None:
    assert _instructions("USER") == ["10001:10001"]
    assert _instructions("STOPSIGNAL") == ["SIGTERM"]
    assert "/live" in DOCKERFILE.partition("HEALTHCHECK")[2]
    assert 'ENTRYPOINT ["/app/bin/start"]' in DOCKERFILE


def test_what_is_copied_passes_the_ignore_file() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    kept = [line[1:] for line in lines if line.startswith("!")]
    for words in _instructions("COPY"):
        if words.startswith("--from"):
            continue
        for source in words.split()[:-1]:
            folders = [source, *(p.as_posix() for p in PurePosixPath(source).parents)]
            inside = any(k.startswith(f"{source}/") for k in kept)
            assert inside or any(fnmatch.fnmatch(f, k) for f in folders for k in kept), source


def _engine() -> str | None:
    """Why no image can be built here, or None."""
    docker = which("docker")
    if docker is None:
        return "no docker program"
    if subprocess.run([docker, "info"], capture_output=True, check=False).returncode:
        return "no docker engine answers"
    base = compose.services()["verifier"]["build"]["args"]["BASE"]
    found = subprocess.run(
        [docker, "image", "inspect", base], capture_output=True, check=False
    ).returncode
    return None if found == 0 else f"the engine has no image {base}"


@pytest.fixture
def container() -> Iterator[str]:
    """A verifier's container without a bus, locked as compose locks it; its address."""
    if why := _engine():
        pytest.skip(why)
    tag = "goaround-test-verifier"
    subprocess.run(
        ["docker", "build", "--quiet", "--build-arg", "SERVICE=verifier", "--tag", tag, str(ROOT)],
        check=True,
    )
    started = ["docker", "run", "--detach", "--rm", "--read-only", "--tmpfs", "/tmp"]
    started += ["--cap-drop", "ALL", "--publish", "127.0.0.1::9100", tag]
    name = subprocess.run(started, capture_output=True, text=True, check=True).stdout.strip()
    try:
        port = subprocess.run(
            ["docker", "port", name, "9100"], capture_output=True, text=True, check=True
        ).stdout
        yield f"http://{port.strip()}"
    finally:
        subprocess.run(["docker", "stop", name], capture_output=True, check=True)


@pytest.mark.system
def test_a_container_lives_before_there_is_a_bus_and_says_what_it_waits_for(container: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(f"{container}/live", timeout=5) as answer:
                assert answer.status == 200
                break
        except (OSError, urllib.error.URLError):
            assert time.monotonic() < deadline, "it never answered"
    with pytest.raises(urllib.error.HTTPError) as not_ready:
        urllib.request.urlopen(f"{container}/ready", timeout=5)
    with not_ready.value as answer:
        assert b"waiting for the bus" in answer.read()
