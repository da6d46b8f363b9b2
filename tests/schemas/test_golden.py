"""Messages as they were once sent stay readable, and come out as they went in."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from goaround_schemas.catalogue import CURRENT, TYPES, parse
from goaround_schemas.envelope import encode
from tests.builders import message

GOLDEN = Path(__file__).parent / "golden"
PUBLISHED = Path(__file__).parents[2] / "schemas" / "json"
FILES = sorted(GOLDEN.glob("*.json"))


def test_every_version_of_every_message_has_a_golden_file() -> None:
    wanted = {f"{name}.v{v}" for name, latest in CURRENT.items() for v in range(1, latest + 1)}
    assert {path.stem for path in FILES} == wanted


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_golden_message_is_read(path: Path) -> None:
    read = parse(path.read_bytes())
    assert read.type.rpartition(".v")[0] == path.stem.rpartition(".v")[0]


@pytest.mark.parametrize("type_", TYPES)
def test_a_golden_message_of_today_is_written_as_it_was_read(type_: str) -> None:
    raw = (GOLDEN / f"{type_}.json").read_bytes()
    assert json.loads(encode(parse(raw))) == json.loads(raw)


@pytest.mark.parametrize("type_", TYPES)
def test_a_golden_message_is_full(type_: str) -> None:
    """Every field of the data is filled in; kinds of steps and checks exclude one another."""
    read = parse((GOLDEN / f"{type_}.json").read_bytes())
    assert read == message(TYPES[type_])
    left_out = {
        name
        for name in type(read.data).model_fields
        if name not in read.data.model_fields_set or getattr(read.data, name) in (None, ())
    }
    assert left_out <= {"kind", "emergency", "allow", "resumes"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_golden_message_fits_its_published_schema(path: Path) -> None:
    schema: dict[str, Any] = json.loads((PUBLISHED / path.name).read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    doc = json.loads(path.read_bytes())
    jsonschema.validate(doc, schema)
    doc["data"]["from_a_later_release"] = 1
    jsonschema.validate(doc, schema)
    del doc["data"]["service"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(doc, schema)
