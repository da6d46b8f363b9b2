"""A service's image holds its own dependencies and nothing else: it must start with those alone.

The shared environment has everything installed, so every import would work here. Each member is
imported, module by module, in a process that refuses whatever its declared dependencies, and
theirs in turn, do not bring.
"""

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.architecture.workspace import (
    Member,
    closure_of_members,
    distribution_of,
    imports_of,
    members,
    normal,
    pyproject,
)

_IMPORTS_ALL = """
import importlib, json, pkgutil, sys

package, refused = sys.argv[1], json.loads(sys.argv[2])

class Refusing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in refused:
            raise ModuleNotFoundError(f"No module named {name!r}: {package} asks for no such thing",
                                      name=name)

sys.meta_path.insert(0, Refusing())
root = importlib.import_module(package)
names = [m.name for m in pkgutil.walk_packages(root.__path__, package + ".")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""


def closure(member: Member) -> set[str]:
    """Every distribution that an environment with this member alone would hold."""
    ours = {m.name: m for m in members()}
    found = set[str]()
    waiting = [(name, frozenset[str]()) for name in closure_of_members(member.name)]
    waiting += [
        (normal(text), frozenset(Requirement(text).extras))
        for name in closure_of_members(member.name)
        for text in _asked_for(ours[name])
    ]
    done = set[tuple[str, frozenset[str]]]()
    while waiting:
        name, extras = now = waiting.pop()
        if now in done:
            continue
        done.add(now)
        found.add(name)
        for text in () if name in ours else _requires(name):
            wanted = Requirement(text)
            marker = wanted.marker
            if marker is None or any(marker.evaluate({"extra": e}) for e in (extras or {""})):
                waiting.append((normal(wanted.name), frozenset(wanted.extras)))
    return found


def _asked_for(member: Member) -> list[str]:
    return list(pyproject(member.folder)["project"]["dependencies"])


def _requires(name: str) -> list[str]:
    try:
        return requires(name) or []
    except PackageNotFoundError:  # for another platform
        return []


@pytest.mark.parametrize("member", members(), ids=lambda m: m.name)
def test_it_can_be_imported_where_only_its_dependencies_are(member: Member, tmp_path: Path) -> None:
    have = closure(member)
    refused = sorted(package for package, names in distribution_of().items() if not names & have)
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTS_ALL, member.package, json.dumps(refused)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) == len(member.modules) - 1


def test_an_import_that_was_not_asked_for_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTS_ALL, "goaround_schemas", json.dumps(["pydantic"])],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode != 0
    assert "No module named 'pydantic'" in done.stderr


@pytest.mark.parametrize("member", members(), ids=lambda m: m.name)
def test_it_asks_itself_for_all_that_it_imports(member: Member) -> None:
    """What comes only through another dependency goes when that one no longer needs it."""
    own = member.dependencies | {member.name}
    if "pydantic" in own:
        own |= {"pydantic-core"}  # one release of two distributions, pinned to each other
    borrowed = [
        f"{path.name}:{line} imports {package}"
        for path in member.modules
        for package, line in imports_of(path)
        if package not in sys.stdlib_module_names
        and not distribution_of().get(package, frozenset({package})) & own
    ]
    assert not borrowed
