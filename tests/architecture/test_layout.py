"""The shape that the workspace is to keep: what is named twice agrees, and modules stay small."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.workspace import ROOT, Member, members, pyproject

_MOST_LINES = 400


def _names() -> set[str]:
    return {m.name for m in members()}


def _sources() -> set[str]:
    return {f"{m.folder}/src" for m in members()}


def test_there_is_a_member_for_each_part_that_the_design_names() -> None:
    parts = {"orchestrator", "verifier", "deployer", "watcher", "scribe", "notifier"}
    assert {m.service for m in members()} - {None} >= parts


def test_the_makefile_installs_every_member() -> None:
    text = subprocess.run(
        ["make", "--no-print-directory", "--eval", "members: ; @echo $(MEMBERS)", "members"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert set(text.split()) == {m.folder for m in members()}


def test_the_workspace_knows_every_member() -> None:
    globs = pyproject()["tool"]["uv"]["workspace"]["members"]
    found = {f.relative_to(ROOT).as_posix() for g in globs for f in ROOT.glob(g) if f.is_dir()}
    assert found == {m.folder for m in members()}


def test_a_plain_sync_installs_every_member() -> None:
    assert set(pyproject()["project"]["dependencies"]) == _names()
    assert set(pyproject()["tool"]["uv"]["sources"]) == _names()
    assert all(s == {"workspace": True} for s in pyproject()["tool"]["uv"]["sources"].values())


@pytest.mark.parametrize("member", members(), ids=lambda m: m.name)
def test_a_member_takes_its_siblings_from_the_workspace(member: Member) -> None:
    siblings = member.dependencies & _names()
    assert (
        set(pyproject(member.folder).get("tool", {}).get("uv", {}).get("sources", {})) == siblings
    )


def test_the_tools_look_at_every_member() -> None:
    tools = pyproject()["tool"]
    assert set(tools["mypy"]["files"]) == _sources() | {"tests"}
    assert set(tools["mypy"]["mypy_path"]) == _sources() | {"."}
    assert set(tools["ruff"]["src"]) == _sources() | {"."}
    assert set(tools["importlinter"]["root_packages"]) == {m.package for m in members()}
    assert {m.folder.partition("/")[0] for m in members()} <= set(tools["pyright"]["include"])


def test_the_import_rules_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("member", members(), ids=lambda m: m.name)
def test_every_module_says_why_it_exists_and_stays_small(member: Member) -> None:
    assert member.modules, "a member without a module"
    texts = {path: path.read_text() for path in member.modules}
    silent = [p.name for p, t in texts.items() if not ast.get_docstring(ast.parse(t))]
    long = [p.name for p, t in texts.items() if t.count("\n") > _MOST_LINES]
    assert not silent
    assert not long


@pytest.mark.parametrize("member", members(), ids=lambda m: m.name)
def test_a_member_says_that_it_has_types(member: Member) -> None:
    assert (member.source / "py.typed").is_file()


def _committed() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout: what is committed cannot be told")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


# In pieces, so that this file is not what it looks for.
_HOSTS = ("pypi" + ".org", "python" + "hosted", "docker" + ".io", "ghcr" + ".io", "quay" + ".io")
_PLACES = (str(ROOT), "/wo" + "rk/", "/Use" + "rs/")


def test_no_registry_and_no_path_of_a_machine_is_committed() -> None:
    found: list[str] = []
    for path in _committed():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        name = path.relative_to(ROOT).as_posix()
        found += [f"{name}: {bad}" for bad in (*_HOSTS, *_PLACES) if bad in text]
    assert not found


def test_pins_are_committed_with_hashes_and_without_a_lock_of_hosts() -> None:
    names = {p.relative_to(ROOT).as_posix() for p in _committed()}
    assert "requirements.txt" in names
    assert not [n for n in names if n.endswith(("uv.lock", "poetry.lock", "pip.conf", ".env"))]
    blocks = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / "requirements.txt").read_text())
    assert not [b.splitlines()[0] for b in blocks if "==" in b and "--hash=sha256:" not in b]
