"""A service's own configuration file, read for its settings.

Pure. It knows files by their names' ends; of all others, and of those that are too large or cannot
be read, only the digest is known. What it returns may be shown and kept.
"""

import configparser
import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import PurePath

from goaround_guidebook.scanner import Unreadable
from goaround_scribe.difference import settings, yaml_document
from goaround_scribe.markdown import plain

MISSING = "missing"
LONGEST_VALUE = 80
_LONGEST_PATH = 200
_MOST_BYTES = 256 * 1024
_MOST_KEPT = 8 * 1024  # characters of one file: the page that remembers them is read by people


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file at the time of a run: its digest, or `missing`, and its settings where known."""

    digest: str
    settings: dict[str, str] | None = None


def config_file(name: str, content: bytes | None) -> ConfigFile:
    """Return what is to be known of a file; None is one that is not there."""
    if content is None:
        return ConfigFile(MISSING)
    return ConfigFile(f"sha256:{hashlib.sha256(content).hexdigest()}", _settings(name, content))


def _settings(name: str, content: bytes) -> dict[str, str] | None:
    if len(content) > _MOST_BYTES:
        return None
    try:
        found = settings(_document(PurePath(name), content.decode("utf-8-sig")))
    except (ValueError, RecursionError, configparser.Error, Unreadable):
        return None
    kept = {path: plain(setting.shown, LONGEST_VALUE) for path, setting in found.items()}
    size = sum(len(path) + len(value) for path, value in kept.items())
    if not kept or size > _MOST_KEPT or any(len(path) > _LONGEST_PATH for path in kept):
        return None
    return kept


def _document(name: PurePath, text: str) -> object:
    """Return the file as dicts, lists and values.

    Raises:
        ValueError: It is of no kind that is known, or not of the kind that its name says.
    """
    match name.suffix.lower() or name.name.lower():
        case ".toml":
            return tomllib.loads(text, parse_float=str)
        case ".json":
            return json.loads(text, parse_float=str, parse_int=str)
        case ".yaml" | ".yml":
            return yaml_document(text)
        case ".env" | ".properties":
            return _lines(text)
        case ".ini" | ".cfg":
            parser = configparser.ConfigParser(interpolation=None, strict=False)
            parser.read_string(text)
            return {section: dict(parser.items(section)) for section in parser.sections()}
        case _:
            raise ValueError(name.name)


def _lines(text: str) -> dict[str, str]:
    """The settings of a file of `NAME=value`, as shells and Java have them."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        said = line.strip().removeprefix("export ").strip()
        if not said or said[0] in "#!":
            continue
        name, equals, value = said.partition("=")
        if not equals:
            name, _, value = said.partition(":")
        found[name.strip()] = value.strip().strip("\"'")
    return found
