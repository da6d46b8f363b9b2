"""The published schemas are the models', and a break within a version is refused."""

import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from goaround_schemas.export import breaks, main, schemas, show, write

PUBLISHED = Path(__file__).parents[2] / "schemas" / "json"

OLD: dict[str, Any] = {
    "type": "object",
    "required": ["colour"],
    "properties": {
        "colour": {"$ref": "#/$defs/Colour"},
        "count": {"type": "integer", "minimum": 0, "maximum": 9, "title": "Count"},
        "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 9, "format": "hostname"},
        "sizes": {"type": "array", "items": {"type": "number"}, "minItems": 1},
        "when": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "by": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "$defs": {
        "Colour": {"enum": ["red", "green"], "type": "string"},
        "Size": {
            "type": "object",
            "properties": {"width": {"const": 3}},
            "required": ["width"],
        },
    },
}
ABSENT = object()


def changed(*path: str, to: Any) -> dict[str, Any]:
    new = deepcopy(OLD)
    node: Any = new
    for part in path[:-1]:
        node = node[part]
    if to is ABSENT:
        del node[path[-1]]
    else:
        node[path[-1]] = to
    return new


@pytest.mark.parametrize(
    ("new", "why"),
    [
        (changed("properties", "count", to=ABSENT), "$.count: removed"),
        (changed("required", to=["colour", "count"]), "$.count: newly required"),
        (changed("required", to=[]), "$.colour: no longer required"),
        (changed("properties", "count", "type", to="number"), '$.count: type "integer" became'),
        (changed("properties", "count", "minimum", to=1), "$.count: minimum 0 became 1"),
        (changed("properties", "count", "maximum", to=8), "$.count: maximum 9 became 8"),
        (changed("properties", "count", "minimum", to=ABSENT), "minimum 0 became absent"),
        (changed("properties", "count", "exclusiveMaximum", to=5), "exclusiveMaximum absent"),
        (changed("properties", "name", "pattern", to="^[a-z]$"), "$.name: pattern"),
        (changed("properties", "name", "maxLength", to=8), "$.name: maxLength 9 became 8"),
        (changed("properties", "name", "minLength", to=1), "$.name: minLength absent became 1"),
        (changed("properties", "name", "format", to="uri"), "$.name: format"),
        (changed("properties", "sizes", "items", "type", to="integer"), "$.sizes.items: type"),
        (changed("properties", "sizes", "items", to=ABSENT), "$.sizes.items"),
        (changed("properties", "sizes", "minItems", to=2), "$.sizes: minItems 1 became 2"),
        (changed("properties", "when", "anyOf", to=[{"type": "string"}]), "$.when: anyOf"),
        (changed("properties", "by", "additionalProperties", "type", to="integer"), "$.by"),
        (changed("properties", "by", "additionalProperties", to=False), "$.by"),
        (changed("properties", "colour", "$ref", to="#/$defs/Size"), "$.colour: $ref"),
        (changed("$defs", "Colour", "enum", to=["red"]), "Colour: enum"),
        (changed("$defs", "Colour", "enum", to=["red", "green", "blue"]), "Colour: enum"),
        (changed("$defs", "Colour", to=ABSENT), "$defs.Colour: removed"),
        (changed("$defs", "Size", "properties", "width", "const", to=4), "Size.width: const"),
        (changed("$defs", "Size", "properties", "width", to=ABSENT), "Size.width: removed"),
    ],
)
def test_a_break_is_found_and_named(new: dict[str, Any], why: str) -> None:
    assert any(why in found for found in breaks(OLD, new)), breaks(OLD, new)


@pytest.mark.parametrize(
    "new",
    [
        OLD,
        changed("properties", "more", to={"type": "string"}),
        changed("$defs", "More", to={"type": "string"}),
        changed("$defs", "Size", "properties", "height", to={"type": "integer"}),
        changed("properties", "count", "description", to="How many."),
        changed("properties", "count", "title", to="How many"),
        changed("properties", "when", "default", to="never"),
        changed("properties", "when", "anyOf", to=[{"type": "null"}, {"type": "string"}]),
        changed("$defs", "Colour", "enum", to=["green", "red"]),
    ],
)
def test_growth_is_no_break(new: dict[str, Any]) -> None:
    assert breaks(OLD, new) == []


def test_a_field_called_like_a_keyword_is_a_field() -> None:
    old = {"properties": {"type": {"type": "string"}, "title": {"type": "string"}}}
    assert breaks(old, {"properties": {"type": {"type": "string"}}}) == ["$.title: removed"]


def test_what_is_published_is_what_the_models_say() -> None:
    made = {f"{name}.json": show(schema) for name, schema in schemas().items()}
    assert {p.name: p.read_text() for p in PUBLISHED.glob("*.json")} == made


def test_the_first_export_writes_all_and_a_repeat_changes_nothing(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "json"
    assert write(directory) == []
    first = {p.name: p.read_bytes() for p in directory.iterdir()}
    assert set(first) == {f"{name}.json" for name in schemas()}
    assert write(directory) == []
    assert {p.name: p.read_bytes() for p in directory.iterdir()} == first


def test_a_break_is_refused_and_its_file_left_while_others_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 0
    refused = tmp_path / "deploy.finished.v1.json"
    old = json.loads(refused.read_bytes())
    old["$defs"]["DeployFinishedData"]["properties"]["mood"] = {"type": "string"}
    old["$defs"]["DeployFinishedData"]["required"].append("version")
    refused.write_text(json.dumps(old))
    grown = tmp_path / "deploy.notified.v1.json"
    smaller = json.loads(grown.read_bytes())
    del smaller["$defs"]["DeployNotifiedData"]["properties"]["attempt"]
    grown.write_text(json.dumps(smaller))

    assert main([str(tmp_path)]) == 1

    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "DeployFinishedData.mood: removed" in said[0]
    assert "DeployFinishedData.version: no longer required" in said[1]
    assert all("deploy.finished.v1.json" in line and "new version" in line for line in said)
    assert json.loads(refused.read_bytes()) == old
    assert grown.read_text() == show(schemas()["deploy.notified.v1"])


def test_without_a_directory_it_says_how_it_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err


def test_messages_leave_room_and_the_guide_does_not() -> None:
    made = schemas()
    assert '"additionalProperties": false' not in show(made["work.watch.v1"])
    assert made["guide.v1"]["additionalProperties"] is False


_ALONE = """
import sys
class Deny:
    def find_spec(self, name, path=None, target=None):
        if name.startswith('_') or name.partition('.')[0] in allowed:
            return None
        raise ImportError(f'{name} is not there')
allowed = sys.stdlib_module_names | {
    'goaround_schemas', 'pydantic', 'pydantic_core', 'annotated_types',
    'typing_extensions', 'typing_inspection',
}
sys.meta_path.insert(0, Deny())
import pkgutil, importlib, pathlib, goaround_schemas
for found in pkgutil.walk_packages(goaround_schemas.__path__, 'goaround_schemas.'):
    importlib.import_module(found.name)
from goaround_schemas.catalogue import parse
from goaround_schemas.envelope import encode
from goaround_schemas.export import schemas
for golden in sorted(pathlib.Path(sys.argv[1]).glob('*.json')):
    sent = parse(golden.read_bytes())
    assert parse(encode(sent)) == sent
assert schemas()
third = {n.partition('.')[0] for n in sys.modules} - sys.stdlib_module_names
print(sorted(third - {'__main__', '__mp_main__'} - {n for n in third if n.startswith('_')}))
"""


def test_the_schemas_need_pydantic_and_nothing_else() -> None:
    golden = Path(__file__).parent / "golden"
    done = subprocess.run(
        [sys.executable, "-c", _ALONE, str(golden)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    allowed = {"annotated_types", "goaround_schemas", "pydantic", "pydantic_core"}
    allowed |= {"typing_extensions", "typing_inspection"}
    # What some distributions have every interpreter load at its start.
    allowed |= {"sitecustomize", "usercustomize"}
    named = {name.strip("'") for name in done.stdout.strip().strip("[]").split(", ")}
    assert {"pydantic", "goaround_schemas"} <= named <= allowed
