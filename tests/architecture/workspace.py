"""The workspace as its own files tell: members, sources, and what each asks for."""

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def normal(requirement: str) -> str:
    found = _NAME.match(requirement)
    assert found, requirement
    return re.sub(r"[-_.]+", "-", found[0]).lower()


@dataclass(frozen=True)
class Member:
    folder: str
    name: str
    dependencies: frozenset[str]

    @property
    def package(self) -> str:
        return self.name.replace("-", "_")

    @property
    def source(self) -> Path:
        return ROOT / self.folder / "src" / self.package

    @property
    def modules(self) -> list[Path]:
        return sorted(self.source.rglob("*.py"))

    @property
    def service(self) -> str | None:
        """`verifier`, of a member that is a service."""
        return self.folder.removeprefix("services/") if "services/" in self.folder else None


@cache
def pyproject(folder: str = ".") -> dict[str, Any]:
    return tomllib.loads((ROOT / folder / "pyproject.toml").read_text())


@cache
def members() -> tuple[Member, ...]:
    found: list[Member] = []
    for path in sorted(ROOT.glob("*/pyproject.toml")) + sorted(ROOT.glob("*/*/pyproject.toml")):
        folder = path.parent.relative_to(ROOT).as_posix()
        if folder.startswith("."):
            continue
        project = pyproject(folder)["project"]
        found.append(
            Member(folder, project["name"], frozenset(map(normal, project["dependencies"])))
        )
    return tuple(found)


def services() -> tuple[Member, ...]:
    return tuple(m for m in members() if m.service)


def closure_of_members(name: str) -> set[str]:
    """The members that a member needs, itself among them."""
    by_name = {m.name: m for m in members()}
    found, waiting = set[str](), [name]
    while waiting:
        if (now := waiting.pop()) not in found:
            found.add(now)
            waiting += [d for d in by_name[now].dependencies if d in by_name]
    return found


@cache
def distribution_of() -> dict[str, frozenset[str]]:
    """Import name to the distributions that bring it."""
    found = {
        package: frozenset(map(normal, names))
        for package, names in packages_distributions().items()
    }
    # An editable install names only its .pth file.
    return found | {m.package: frozenset({m.name}) for m in members()}


def imports_of(path: Path) -> Iterator[tuple[str, int]]:
    """The top-level names that a module imports, wherever in it, and the line."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                yield from ((alias.name.partition(".")[0], node.lineno) for alias in names)
            case ast.ImportFrom(module=str() as module, level=0):
                yield module.partition(".")[0], node.lineno
            case _:
                pass
