"""Prints the part of requirements.txt that one workspace member needs, hashes and all.

For the Dockerfile, which runs it with nothing but the standard library, before anything is
installed. It asks no package index: what needs what stands in the `# via` notes of the pins and
in the members' pyproject.toml. What is missing all the same is found by `pip check` in the build.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def normal(requirement: str) -> str:
    """The distribution's name in the one spelling that compares (PEP 503)."""
    found = _NAME.match(requirement.strip())
    if found is None:
        raise SystemExit(f"pins: {requirement!r} names no distribution")
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def members() -> dict[str, Path]:
    """Every workspace member by its distribution's name."""
    workspace = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]
    folders = [f for glob in workspace["members"] for f in ROOT.glob(glob)]
    found = {f: tomllib.loads((f / "pyproject.toml").read_text()) for f in sorted(folders)}
    return {normal(document["project"]["name"]): folder for folder, document in found.items()}


def closure(wanted: Iterable[str]) -> list[str]:
    """The members that these members need, themselves among them; what is needed comes first."""
    known, order = members(), list[str]()

    def visit(name: str) -> None:
        if name in order:
            return
        project = tomllib.loads((known[name] / "pyproject.toml").read_text())["project"]
        for dependency in map(normal, project["dependencies"]):
            if dependency in known:
                visit(dependency)
        order.append(name)

    for name in wanted:
        if name not in known:
            raise SystemExit(f"pins: no member is called {name!r}; there are {', '.join(known)}")
        visit(name)
    return order


def pinned(text: str) -> Iterator[tuple[str, str, set[str]]]:
    """Each pin of a requirements file: its name, its text, and who needs it."""
    for block in re.split(r"\n(?=[A-Za-z0-9])", text.strip()):
        lines = block.splitlines()
        notes = [line.strip().lstrip("# ").removeprefix("via").strip() for line in lines]
        via = {normal(n) for n, raw in zip(notes, lines, strict=True) if "#" in raw and n}
        yield normal(block), "\n".join(line for line in lines if "#" not in line), via


def needed(roots: Iterable[str], text: str) -> list[str]:
    """The pins that these distributions need, whoever asks for them in between."""
    pins = list(pinned(text))
    have = set(roots)
    while more := {name for name, _, via in pins if via & have} - have:
        have |= more
    return [block for name, block, _ in pins if name in have]


def main(arguments: list[str]) -> int:
    """Print what is asked for: `pins NAME...`, `members NAME...` (their folders), or `builder`."""
    what, *names = arguments or ["help"]
    text = (ROOT / "requirements.txt").read_text()
    match what:
        case "pins":
            print("\n".join(needed(closure(map(normal, names)), text)))  # noqa: T201
        case "members":
            for name in closure(map(normal, names)):
                print(members()[name].relative_to(ROOT))  # noqa: T201
        case "builder":
            print("\n".join(needed(["hatchling"], text)))  # noqa: T201
        case _:
            raise SystemExit("usage: pins.py pins NAME... | members NAME... | builder")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
