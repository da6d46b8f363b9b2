"""The front door: whatever comes becomes a request, or a refusal that finds its owner."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from goaround_orchestrator.frontdoor import Knock, Refusal, Request, Stray, read
from goaround_schemas.catalogue import TooNew

ASKED = {"service": "checkout", "environment": "prod", "version": "2.4.1"}
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def knock(
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    subject: str = "deploy.requested",
    arrival: str = "DEPLOY/7/noon",
) -> Knock:
    raw = body if isinstance(body, bytes) else json.dumps(ASKED if body is None else body).encode()
    return Knock(subject, raw, headers or {}, arrival)


def event(**changes: Any) -> dict[str, Any]:
    usual = {
        "specversion": "1.0",
        "type": "deploy.requested.v1",
        "id": "e-1",
        "source": "ci/checkout",
        "data": ASKED,
    }
    return {**usual, **changes}


def asked(*args: Any, **kwargs: Any) -> Request:
    said = read(knock(*args, **kwargs))
    assert isinstance(said, Request), said
    return said


def refused(*args: Any, **kwargs: Any) -> Refusal:
    said = read(knock(*args, **kwargs))
    assert isinstance(said, Refusal), said
    return said


def stray(*args: Any, **kwargs: Any) -> Stray:
    said = read(knock(*args, **kwargs))
    assert isinstance(said, Stray), said
    return said


def test_three_fields_are_a_request() -> None:
    said = asked().data
    assert (said.service, said.environment, said.version) == ("checkout", "prod", "2.4.1")
    assert (said.kind, said.requested_by, said.emergency) == ("deploy", "unknown", False)


def test_every_field_of_the_contract_is_read() -> None:
    full = {
        **ASKED,
        "requested_by": "ada",
        "reason": "faster",
        "run_id": "r-mine",
        "artifact": "pkg:docker/acme/checkout@2.4.1",
        "watch_period": "5m",
        "emergency": True,
    }
    said = asked(full)
    assert said.data.run_id == "r-mine"
    assert said.data.watch_period == timedelta(minutes=5)
    assert said.warnings == ()


def test_a_redelivered_message_asks_for_the_same_run_and_another_message_for_another() -> None:
    assert asked().data.run_id == asked().data.run_id
    assert asked().data.run_id != asked(arrival="DEPLOY/8/noon").data.run_id


def test_the_senders_message_id_is_what_names_the_run() -> None:
    first = asked(headers={"Nats-Msg-Id": "m-1"})
    again = asked(headers={"nats-msg-id": "m-1"}, arrival="DEPLOY/8/later")
    assert first.cause == "m-1"
    assert first.data.run_id == again.data.run_id


def test_a_structured_cloudevent_is_a_request() -> None:
    said = asked(event(traceparent=TRACE))
    assert (said.cause, said.traceparent) == ("e-1", TRACE)
    assert said.data.requested_by == "ci/checkout"


@pytest.mark.parametrize("case", [str.lower, str.upper, str.title])
def test_a_binary_cloudevent_is_a_request_whatever_the_case_of_its_headers(case: Any) -> None:
    headers = {
        "ce-specversion": "1.0",
        "ce-type": "deploy.requested.v1",
        "ce-id": "e%201",
        "ce-source": "ci%2Fcheckout%20%C3%A9",
        "ce-traceparent": TRACE,
    }
    said = asked(headers={case(k): v for k, v in headers.items()})
    assert (said.cause, said.traceparent) == ("e 1", TRACE)
    assert said.data.requested_by == "ci/checkout é"


def test_one_id_of_two_sources_is_two_requests() -> None:
    mine, theirs = asked(event()), asked(event(source="ci/other"))
    assert mine.data.run_id != theirs.data.run_id


def test_the_subject_fills_in_service_and_environment() -> None:
    said = asked({"version": "2.4.1"}, subject="deploy.requested.staging.basket").data
    assert (said.service, said.environment) == ("basket", "staging")
    agreeing = asked(subject="deploy.requested.prod.checkout").data
    assert (agreeing.service, agreeing.environment) == ("checkout", "prod")


def test_a_subject_that_says_otherwise_is_refused_to_the_one_that_the_subject_names() -> None:
    said = refused(subject="deploy.requested.staging.checkout")
    assert said.reason == "the subject says environment staging, the request says 'prod'"
    assert (said.environment, said.service) == ("staging", "checkout")


@pytest.mark.parametrize("form", ["bare", "structured", "binary"])
def test_the_same_wish_in_any_form_has_the_same_digest(form: str) -> None:
    wish = {**ASKED, "run_id": "r-1", "requested_by": "ada"}
    turned = dict(reversed(wish.items()))
    bare = asked(wish)
    other = {
        "bare": lambda: asked(turned),
        "structured": lambda: asked(event(data=turned)),
        "binary": lambda: asked(turned, {"ce-type": "deploy.requested.v1", "ce-id": "9"}),
    }[form]()
    assert other.digest == bare.digest
    assert asked({**wish, "version": "2.4.2"}).digest != bare.digest


def without(*names: str) -> dict[str, Any]:
    return {k: v for k, v in ASKED.items() if k not in names}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (without("version"), "version is needed: which version is to be deployed?"),
        ({**ASKED, "version": 2.4}, "version: Input should be a valid string (got 2.4)"),
        ({**ASKED, "version": "--help"}, "version: String should match pattern"),
        ({**ASKED, "version": "a b"}, "version: String should match pattern"),
        ({**ASKED, "version": "$(reboot)"}, "version: String should match pattern"),
        ({**ASKED, "version": "v" * 129}, "version: String should match pattern"),
        ({**ASKED, "version": "1\n"}, "version: String should match pattern"),
        ({**ASKED, "version": "1\ud800"}, "version: Input should be a valid string"),
        ({**ASKED, "emergency": True}, "an emergency needs a reason"),
        ({**ASKED, "emergency": True, "reason": "  "}, "an emergency needs a reason"),
        ({**ASKED, "emergency": "very"}, "emergency: Input should be a valid boolean"),
        ({**ASKED, "watch_period": "soon"}, "'soon' is not a length of time"),
        ({**ASKED, "watch_period": -1}, "-1 is not between 0 and a year"),
        ({**ASKED, "watch_period": float("nan")}, "nan is not between 0 and a year"),
        ({**ASKED, "watch_period": 10**400}, "is not between 0 and a year"),
        ({**ASKED, "kind": "upgrade"}, "kind: Input should be 'deploy' or 'rollback'"),
        ({**ASKED, "run_id": "a/b"}, "run_id: String should match pattern"),
        ({**ASKED, "run_id": None}, "run_id: Input should be a valid string"),
        ({**ASKED, "requested_by": ""}, "requested_by: String should have at least 1 character"),
        ({**ASKED, "reason": "r" * 2001}, "reason: String should have at most 2000 characters"),
        ({**ASKED, "reason": "a\0b"}, "reason: a NUL character is no text"),
        ({**ASKED, "requested_by": "a\0b"}, "requested_by: a NUL character is no text"),
    ],
)
def test_what_is_wrong_is_refused_by_name(fields: dict[str, Any], why: str) -> None:
    said = refused(fields)
    assert why in said.reason
    assert (said.service, said.environment) == ("checkout", "prod")


def test_a_rollback_needs_no_version() -> None:
    assert asked({**without("version"), "kind": "rollback"}).data.version is None


@pytest.mark.parametrize(
    "fields",
    [
        without("service"),
        without("environment"),
        {**ASKED, "service": "Check_out"},
        {**ASKED, "environment": "prod.eu"},
        {**ASKED, "service": "-x"},
        {**ASKED, "service": "*"},
        {**ASKED, "environment": ">"},
        {**ASKED, "service": 7},
        {**ASKED, "service": "a" * 64},
        {},
    ],
)
def test_a_request_that_is_nobodys_is_put_aside(fields: dict[str, Any]) -> None:
    assert stray(fields).reason


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"deploy it!", "not JSON"),
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"service": 1e', "not JSON"),
        (b"[1, 2]", "a request is a JSON object, not list"),
        (b'"checkout"', "a request is a JSON object, not str"),
        (b"null", "a request is a JSON object, not NoneType"),
    ],
)
def test_what_is_no_object_is_put_aside_unless_the_subject_says_whose_it_is(
    body: bytes, why: str
) -> None:
    assert why in stray(body).reason
    owned = refused(body, subject="deploy.requested.prod.checkout")
    assert why in owned.reason
    assert (owned.service, owned.environment) == ("checkout", "prod")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"type": None}, "the CloudEvent has no type; it must be deploy.requested.v1"),
        ({"type": "deploy.finished.v1"}, "type 'deploy.finished.v1' has no business here"),
        ({"type": "deploy.requested"}, "has no business here"),
        ({"type": "deploy.requested.v0"}, "has no business here"),
        ({"type": "deploy.requested.v²"}, "has no business here"),
        ({"type": "deploy.requested.v" + "9" * 5000}, "has no business here"),
    ],
)
def test_an_event_of_another_type_is_refused_to_its_owner(
    changes: dict[str, Any], why: str
) -> None:
    assert why in refused(event(**changes)).reason
    assert why in stray(event(**changes, data={})).reason
    if changes["type"]:
        assert why in refused(headers={"ce-type": changes["type"]}).reason


def test_an_event_without_data_is_put_aside() -> None:
    assert "no data object" in stray(event(data=None)).reason
    assert "no data object" in stray(event(data="checkout")).reason


@pytest.mark.parametrize("form", ["structured", "binary"])
def test_a_newer_version_is_left_for_a_newer_release(form: str) -> None:
    newer = "deploy.requested.v2"
    with pytest.raises(TooNew, match="newer than v1"):
        read(knock(event(type=newer)) if form == "structured" else knock(None, {"ce-type": newer}))


def test_an_unknown_field_is_a_warning_with_the_nearest_name() -> None:
    said = asked({**ASKED, "verison": "9", "zzz": 1})
    assert said.warnings[0] == "unknown field 'verison' was ignored; did you mean 'version'?"
    assert said.warnings[1].startswith("unknown field 'zzz' was ignored; known are run_id, service")


def test_a_misspelt_field_that_is_lacking_is_named_in_the_refusal() -> None:
    said = refused({**without("version"), "verison": "9"})
    assert "did you mean 'version'?" in said.reason


def test_a_thousand_unknown_fields_make_no_outcome_of_a_megabyte() -> None:
    said = asked({**ASKED, **{f"{n}{'x' * 1000}": n for n in range(1000)}})
    assert len(said.warnings) == 6
    assert said.warnings[-1] == "995 more unknown fields were ignored"
    assert sum(map(len, said.warnings)) < 2000


def test_a_refusal_keeps_no_more_of_a_bad_text_than_can_be_shown() -> None:
    said = refused({**ASKED, "version": "1\0\x1b[2J" + "9" * 500_000, "requested_by": "e\nve"})
    assert said.version is not None
    assert said.version.startswith("1\ufffd\ufffd[2J9")
    assert len(said.version) == 128
    assert said.requested_by == "e\ufffdve"
    assert len(said.reason) < 500


def test_a_bad_request_keeps_the_run_id_of_its_caller_where_it_is_one() -> None:
    assert refused({**ASKED, "run_id": "r-mine", "version": 1}).run_id == "r-mine"
    made = refused({**ASKED, "run_id": "no/id", "version": 1})
    assert made.run_id == refused({**ASKED, "run_id": "no/id", "version": 1}).run_id != "no/id"


@pytest.mark.parametrize(
    "trace", ["nonsense", TRACE + "\r\nNats-Msg-Id: stolen", TRACE.upper(), 7, "x" * 100_000]
)
def test_a_trace_that_is_none_is_dropped_and_reaches_no_header(trace: Any) -> None:
    assert asked(event(traceparent=trace)).traceparent is None
    if isinstance(trace, str):
        assert asked(headers={"traceparent": trace}).traceparent is None


@pytest.mark.parametrize("id_", ["x" * 500, "a\0b", "a\nb", "\ud800", "é" * 300])
def test_an_id_that_fits_nowhere_is_stood_for_by_one_that_does(id_: str) -> None:
    first, again = asked(event(id=id_)), asked(event(id=id_), arrival="DEPLOY/9/later")
    assert first.cause == again.cause
    assert first.cause.isprintable()
    assert len(first.cause) <= 200
    assert first.data.run_id == again.data.run_id


def test_an_event_without_an_id_is_named_by_its_arrival() -> None:
    assert asked(event(id="")).cause == asked(event(id=None)).cause
    assert asked(event(id="")).cause != asked(event(id=""), arrival="DEPLOY/9/later").cause
