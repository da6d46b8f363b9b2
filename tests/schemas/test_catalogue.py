"""Bytes become messages, and what is no message is told apart by what is to be done with it."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast
from uuid import NAMESPACE_URL, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goaround_schemas.catalogue import (
    CURRENT,
    TYPES,
    AnyMessage,
    Malformed,
    TooNew,
    UnknownType,
    parse,
    parse_document,
    read_document,
)
from goaround_schemas.envelope import Event, RunPayload, derived_id, encode
from goaround_schemas.upcasts import UPCASTS, Upcast
from tests.builders import RUN, deploy_advanced, deploy_observed, message, work_deploy, work_verify

KINDS = list(TYPES.values())


def document(kind: type[AnyMessage]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encode(message(kind)))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_survives_being_sent(kind: type[AnyMessage]) -> None:
    sent = message(kind)
    assert parse(encode(sent)) == sent
    assert encode(parse(encode(sent))) == encode(sent)


@pytest.mark.parametrize("kind", KINDS)
def test_what_may_be_absent_is_read_back_as_none(kind: type[AnyMessage]) -> None:
    doc = document(kind)
    data = doc["data"]
    for name, field in type(message(kind).data).model_fields.items():
        if not field.is_required():
            data.pop(str(field.validation_alias or name), None)
    if kind is TYPES["deploy.requested.v1"]:
        data["version"] = "1"
    sent = parse_document(doc)
    assert parse(encode(sent)) == sent


@given(
    version=st.none() | st.text(max_size=20),
    seconds=st.floats(allow_nan=False, allow_infinity=False),
    detail=st.text(max_size=60),
)
def test_any_text_and_number_survives_being_sent(
    version: str | None, seconds: float, detail: str
) -> None:
    moved = deploy_advanced(version=version, reason=detail)
    looked = deploy_observed(elapsed_s=seconds, reason=detail)
    assert parse(encode(moved)) == moved
    assert parse(encode(looked)) == looked


@pytest.mark.parametrize("kind", KINDS)
def test_fields_of_a_later_release_are_dropped_wherever_they_stand(kind: type[AnyMessage]) -> None:
    doc = document(kind)

    def grown(value: Any) -> Any:
        match value:
            case dict():
                mapping = cast("Mapping[str, Any]", value).items()
                return {k: grown(v) for k, v in mapping} | {"from_a_later_release": 1}
            case list():
                return [grown(v) for v in cast("Sequence[Any]", value)]
            case _:
                return value

    doc["from_a_later_release"] = {"a": 1}
    doc["data"]["from_a_later_release"] = 1
    assert parse_document(doc) == message(kind)
    rigid = {**doc, "data": _without_free_mappings(doc["data"])}
    assert parse_document(grown(rigid)) == parse_document(rigid)


def _without_free_mappings(value: Any) -> Any:
    """Leave out what holds names of the user's own, all of which are known."""
    free = {"env", "values", "where", "headers", "samples", "body", "json"}
    match value:
        case dict():
            mapping = cast("Mapping[str, Any]", value).items()
            rigid = {k: v for k, v in mapping if not (k in free and isinstance(v, dict))}
            return {k: _without_free_mappings(v) for k, v in rigid.items()}
        case list():
            return [_without_free_mappings(v) for v in cast("Sequence[Any]", value)]
        case _:
            return value


def test_an_unknown_field_deep_in_a_command_s_guide_parts_is_dropped() -> None:
    doc = document(TYPES["work.verify.v1"])
    doc["data"]["questions"][0]["check"]["http"]["expect"]["later"] = 1
    doc["data"]["questions"][0]["check"]["later"] = 1
    assert parse_document(doc) == work_verify()
    doc = document(TYPES["work.deploy.v1"])
    doc["data"]["steps"][2]["http"]["later"] = {"x": 1}
    doc["data"]["migrations"]["later"] = "y"
    assert parse_document(doc) == work_deploy()


def test_a_kind_never_heard_of_is_unknown() -> None:
    doc = document(TYPES["deploy.finished.v1"]) | {"type": "deploy.celebrated.v1"}
    with pytest.raises(UnknownType, match=re.escape("'deploy.celebrated.v1'")) as caught:
        parse_document(doc)
    assert caught.value.type == "deploy.celebrated.v1"


def test_a_version_of_a_later_release_is_too_new() -> None:
    doc = document(TYPES["deploy.finished.v1"]) | {"type": "deploy.finished.v7"}
    with pytest.raises(TooNew, match="newer than v1") as caught:
        parse_document(doc)
    assert (caught.value.type, caught.value.known) == ("deploy.finished.v7", 1)


def changed(**data: Any) -> str:
    doc = document(TYPES["deploy.requested.v1"])
    doc["data"] |= data
    return json.dumps(doc)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"{" * 100_000, "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"type": NaN}', "NaN is no JSON"),
        (b"[1]", "a message is a JSON object, not list"),
        (b"null", "a message is a JSON object, not NoneType"),
        (b"{}", "no type"),
        (b'{"type": 3}', "no type"),
        (b'{"type": "deploy.requested"}', "'deploy.requested' has no version"),
        (b'{"type": "deploy.requested.v1"}', "data"),
        (changed(service="Check Out"), r"data\.service: .*got 'Check Out'"),
        (changed(environment=None), r"data\.environment: .*got None"),
        (changed(version=2.10), r"data\.version: .*got 2\.1"),
        (changed(watch_period="soon"), r"data\.watch_period: 'soon' is not a length of time"),
        (changed(reason=""), "an emergency needs a reason"),
        (changed(version=None), "version is needed"),
    ],
)
def test_what_is_malformed_says_which_field_and_value(raw: bytes | str, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        parse(raw)


def test_a_long_value_is_not_repeated_in_full() -> None:
    with pytest.raises(Malformed) as caught:
        parse(changed(service="x" * 10_000))
    assert len(caught.value.why) < 400


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_any_bytes_are_a_message_or_one_of_the_three(raw: bytes | str) -> None:
    with pytest.raises((Malformed, UnknownType, TooNew)):
        parse(raw)


class ThingDoneData(RunPayload, frozen=True):
    colour: str
    count: int


class ThingDone(Event, frozen=True):
    """Something in its third version."""

    type: Literal["thing.done.v3"] = "thing.done.v3"
    data: ThingDoneData


THINGS: dict[str, type[ThingDone]] = {"thing.done.v3": ThingDone}
LIFTS: dict[tuple[str, int], Upcast] = {
    ("thing.done", 1): lambda d: {**d, "colour": d["color"]},
    ("thing.done", 2): lambda d: {**d, "count": len(d["items"])},
}


def thing(version: int, **data: Any) -> dict[str, Any]:
    envelope = {"id": "1", "source": "x", "subject": "r", "correlationid": "r"}
    return {"type": f"thing.done.v{version}", **envelope, "data": {**RUN, **data}}


@pytest.mark.parametrize(
    "old",
    [
        thing(1, color="red", items=[1, 2]),
        thing(2, colour="red", items=[1, 2]),
        thing(3, colour="red", count=2),
    ],
)
def test_an_old_message_is_lifted_one_version_at_a_time(old: dict[str, Any]) -> None:
    read = read_document(old, THINGS, LIFTS)
    assert (read.type, read.data.colour, read.data.count) == ("thing.done.v3", "red", 2)


@pytest.mark.parametrize(
    ("old", "lifts"),
    [
        (thing(1, items=[1]), LIFTS),
        (thing(2, colour="red", items=7), LIFTS),
        (thing(2, colour="red", items=[]) | {"data": None}, LIFTS),
        (thing(1, color="red", items=[]), {}),
    ],
)
def test_an_old_message_that_is_not_what_it_says_is_malformed(
    old: dict[str, Any], lifts: dict[tuple[str, int], Upcast]
) -> None:
    with pytest.raises(Malformed, match="cannot be lifted to v3"):
        read_document(old, THINGS, lifts)


def test_every_old_version_has_its_upcast() -> None:
    needed = {(name, v) for name, latest in CURRENT.items() for v in range(1, latest)}
    assert set(UPCASTS) == needed


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_a_derived_id_is_the_name_based_uuid_of_its_parts(parts: list[str]) -> None:
    said = "goaround:" + "\x1f".join(parts)
    assert derived_id(*parts) == str(uuid5(NAMESPACE_URL, said))


def test_a_derived_id_depends_on_every_part_and_on_where_they_end() -> None:
    made: Callable[..., str] = derived_id
    assert made("a", "b") == made("a", "b")
    assert len({made("a", "b"), made("ab"), made("b", "a"), made("a", "", "b")}) == 4
