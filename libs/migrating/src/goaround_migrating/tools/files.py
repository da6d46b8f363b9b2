"""Migrations as SQL files, as the tools that people use lay them out. Pure: takes texts."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from goaround_migrating.tools.script import Layout, LayoutError, Script, unlike

_PAIRED = re.compile(r"^(?P<version>[0-9]+)_(?P<name>.+)\.(?P<way>up|down)\.sql$")
_SINGLE = re.compile(r"^(?P<version>[0-9]+)[_-](?P<name>.+)\.sql$")
_FLYWAY = re.compile(r"^(?P<way>[VU])(?P<version>[0-9]+(?:[._][0-9]+)*)__(?P<name>.+)\.sql$")
_REPEATABLE = re.compile(r"^R__.+\.sql$")


def _sql(files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield from ((name, files[name]) for name in sorted(files) if name.endswith(".sql"))


@dataclass(frozen=True)
class Pairs:
    """`0003_add_note.up.sql` beside `0003_add_note.down.sql` (golang-migrate and many others)."""

    name: str = "pairs"

    def scripts(self, files: Mapping[str, str]) -> tuple[Script, ...]:
        """Return each up with its down, if there is one."""
        ups: dict[str, Script] = {}
        downs: dict[str, str] = {}
        for file, text in _sql(files):
            found = _PAIRED.match(file)
            if found is None:
                advice = "name it like 0003_add_note.up.sql or 0003_add_note.down.sql"
                raise LayoutError(file, "neither an up nor a down", advice)
            stem = f"{found['version']}_{found['name']}"
            if found["way"] == "down":
                downs[stem] = text
            else:
                ups[stem] = Script(
                    version=found["version"], name=found["name"], up=text, source=file
                )
        for stem in downs.keys() - ups.keys():
            advice = f"write {stem}.up.sql, or remove it"
            raise LayoutError(f"{stem}.down.sql", "a down without its up", advice)
        return unlike(
            s.model_copy(update={"down": downs[k], "down_source": f"{k}.down.sql"})
            if k in downs
            else s
            for k, s in ups.items()
        )


@dataclass(frozen=True)
class Flyway:
    """`V1.2__add_note.sql` beside `U1.2__add_note.sql`.

    Repeatable migrations (`R__`) have no version and no way back: whether one is pending is known
    to Flyway alone, so that a folder that holds one is not taken.
    """

    name: str = "flyway"

    def scripts(self, files: Mapping[str, str]) -> tuple[Script, ...]:
        """Return each versioned migration with its undo, if there is one."""
        ups: dict[str, Script] = {}
        downs: dict[str, tuple[str, str]] = {}
        for file, text in _sql(files):
            if _REPEATABLE.match(file):
                advice = "let the guide's own commands run it"
                raise LayoutError(file, "repeatable, so that it has no way back", advice)
            found = _FLYWAY.match(file)
            if found is None:
                advice = "name it like V1.2__add_note.sql or U1.2__add_note.sql"
                raise LayoutError(file, "neither a versioned migration nor an undo", advice)
            version = found["version"].replace("_", ".")
            if found["way"] == "U":
                downs[version] = (file, text)
            else:
                if version in ups:
                    fault = f"version {version} is that of {ups[version].source} too"
                    raise LayoutError(file, fault, "give one of them another version")
                ups[version] = Script(version=version, name=found["name"], up=text, source=file)
        for version in downs.keys() - ups.keys():
            advice = f"write V{version}__..., or remove it"
            raise LayoutError(downs[version][0], "an undo without its migration", advice)
        return unlike(
            s.model_copy(update={"down_source": downs[v][0], "down": downs[v][1]})
            if v in downs
            else s
            for v, s in ups.items()
        )


@dataclass(frozen=True)
class Marked:
    """One file with both ways in it, under marks: a way ends where the next mark begins."""

    name: str
    up: re.Pattern[str]
    down: re.Pattern[str]
    example: str

    def scripts(self, files: Mapping[str, str]) -> tuple[Script, ...]:
        """Return each file's two ways. Lines keep their numbers, so that a place is the file's."""
        return unlike(self._script(file, text) for file, text in _sql(files))

    def _script(self, file: str, text: str) -> Script:
        found = _SINGLE.match(file)
        if found is None:
            raise LayoutError(file, "no version in its name", "name it like 0003_add_note.sql")
        ups, downs = list(self.up.finditer(text)), list(self.down.finditer(text))
        if len(ups) != 1 or len(downs) > 1:
            fault = f"{len(ups)} marks of an up and {len(downs)} of a down"
            raise LayoutError(file, fault, f"write `{self.example}` once, above each way")
        up, down = ups[0], downs[0] if downs else None
        if down is None:
            return self._of(found, file, _kept(text, up.end(), len(text)), None)
        if down.start() < up.start():
            way_back = _kept(text, down.end(), up.start())
            return self._of(found, file, _kept(text, up.end(), len(text)), way_back)
        way_back = _kept(text, down.end(), len(text))
        return self._of(found, file, _kept(text, up.end(), down.start()), way_back)

    def _of(self, found: re.Match[str], file: str, up: str, down: str | None) -> Script:
        # A down in which nothing stands is no way back.
        empty = down is None or not _COMMENT.sub("", down).strip("; \n\t\r")
        return Script(
            version=found["version"],
            name=found["name"],
            up=up,
            down=None if empty else down,
            source=file,
            down_source="" if empty else file,
        )


_COMMENT = re.compile(r"--[^\n]*")


def _kept(text: str, start: int, end: int) -> str:
    """Return a part of a text below as many empty lines as there are lines above it."""
    return "\n" * text.count("\n", 0, start) + text[start:end]


def _mark(words: str) -> re.Pattern[str]:
    return re.compile(rf"^--\s*{words}\b[^\n]*$", re.IGNORECASE | re.MULTILINE)


def dbmate() -> Marked:
    """Return dbmate's layout: `-- migrate:up` and `-- migrate:down`."""
    return Marked("dbmate", _mark("migrate:up"), _mark("migrate:down"), "-- migrate:up")


def goose() -> Marked:
    """Return goose's layout: `-- +goose Up` and `-- +goose Down`."""
    return Marked("goose", _mark(r"\+goose\s+up"), _mark(r"\+goose\s+down"), "-- +goose Up")


LAYOUTS: Mapping[str, Layout] = {
    "pairs": Pairs(),
    "flyway": Flyway(),
    "dbmate": dbmate(),
    "goose": goose(),
}
"""By the names under which a guide asks for them."""
