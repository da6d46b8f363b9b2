"""The AsyncAPI document holds together, and tells what the code does."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from goaround_schemas.asyncapi import document, main
from goaround_schemas.catalogue import COMMANDS, EVENTS, TYPES
from goaround_schemas.export import show
from goaround_schemas.phase import ENDS
from goaround_schemas.subjects import filter_for, name_of, subject_of
from tests.builders import message

PUBLISHED = Path(__file__).parents[2] / "docs" / "asyncapi.json"


@pytest.fixture(scope="module")
def doc() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(document()))
    return made


def references(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for key, below in cast("Mapping[str, Any]", value).items():
                if key == "$ref" and isinstance(below, str):
                    yield below
                yield from references(below)
        case list():
            for below in cast("Sequence[Any]", value):
                yield from references(below)
        case _:
            return


def followed(doc: dict[str, Any], reference: str) -> Any:
    node: Any = doc
    for part in reference.removeprefix("#/").split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def test_what_is_published_is_what_the_code_says(doc: dict[str, Any]) -> None:
    assert PUBLISHED.read_text() == show(doc)


def test_it_is_written_the_same_every_time(tmp_path: Path) -> None:
    one, two = tmp_path / "1.json", tmp_path / "2.json"
    assert main([str(one)]) == main([str(two)]) == 0
    assert one.read_bytes() == two.read_bytes() == PUBLISHED.read_bytes()


def test_without_a_file_it_says_how_it_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err


def test_it_has_the_parts_that_asyncapi_3_demands(doc: dict[str, Any]) -> None:
    assert doc["asyncapi"] == "3.0.0"
    assert set(doc["info"]) >= {"title", "version"}
    known = {"asyncapi", "id", "info", "servers", "defaultContentType"}
    assert set(doc) <= known | {"channels", "operations", "components"}
    name = re.compile(r"[A-Za-z0-9_.-]+")
    for part in ("schemas", "messages"):
        assert all(name.fullmatch(n) for n in doc["components"][part])
    for server in doc["servers"].values():
        assert set(server) >= {"host", "protocol"}
        assert set(re.findall(r"\{(\w+)\}", server["host"])) == set(server["variables"])


def test_every_reference_leads_somewhere(doc: dict[str, Any]) -> None:
    found = set(references(doc))
    assert len(found) > 100
    for reference in found:
        assert reference.startswith("#/")
        assert isinstance(followed(doc, reference), dict)


def test_a_channel_declares_exactly_the_parameters_of_its_address(doc: dict[str, Any]) -> None:
    for channel in doc["channels"].values():
        wanted = re.findall(r"\{(\w+)\}", channel["address"])
        assert sorted(channel.get("parameters", {})) == sorted(wanted)
        for parameter in channel.get("parameters", {}).values():
            assert set(parameter) <= {"description", "enum", "default", "examples", "location"}


@pytest.mark.parametrize("type_", TYPES)
def test_a_message_s_subject_fits_its_channel(doc: dict[str, Any], type_: str) -> None:
    kind = TYPES[type_]
    channels = [c for c in doc["channels"].values() if type_ in c["messages"]]
    addresses = [c["address"] for c in channels]
    subject = subject_of(message(kind))
    fits = [a for a in addresses if re.fullmatch(re.sub(r"\{\w+\}", r"[^.]+", a), subject)]
    assert len(fits) == 1
    assert re.sub(r"\{\w+\}", "*", fits[0]) == filter_for(kind)


def test_an_operation_names_messages_of_its_own_channel(doc: dict[str, Any]) -> None:
    for operation in doc["operations"].values():
        assert operation["action"] in {"send", "receive"}
        channel = operation["channel"]["$ref"]
        assert followed(doc, channel)
        for reference in references(operation["messages"]):
            assert reference.startswith(f"{channel}/messages/")


def test_every_message_has_one_sender_and_every_command_one_owner(doc: dict[str, Any]) -> None:
    for kind in (*EVENTS, *COMMANDS):
        name = name_of(kind)
        senders = [o for o in doc["operations"] if o.endswith(f".send.{name}")]
        readers = [o for o in doc["operations"] if o.endswith(f".receive.{name}")]
        assert len(senders) == 1, name
        if kind in COMMANDS:
            assert len(readers) == 1, name
            assert senders[0].startswith("orchestrator.")
            assert not readers[0].startswith("orchestrator.")


def test_the_outcomes_of_a_run_are_the_ends_of_the_lifecycle(doc: dict[str, Any]) -> None:
    outcomes = doc["channels"]["deploy_finished"]["parameters"]["outcome"]["enum"]
    assert set(outcomes) == {str(end) for end in ENDS}


def test_no_two_models_share_a_name(doc: dict[str, Any]) -> None:
    assert all("__" not in name for name in doc["components"]["schemas"])
