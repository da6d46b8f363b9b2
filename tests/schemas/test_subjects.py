"""Where a message goes, and which consumers see it."""

import re

import pytest

from goaround_schemas.catalogue import COMMANDS, EVENTS, TYPES, AnyMessage
from goaround_schemas.envelope import Event, Payload
from goaround_schemas.subjects import (
    DEPLOY,
    WORK,
    NoSubject,
    filter_for,
    name_of,
    stream_of,
    subject_of,
)
from tests.builders import deploy_finished, message


def matches(subject_filter: str, subject: str) -> bool:
    return (
        re.fullmatch(subject_filter.replace(".", r"\.").replace("*", r"[^.]+"), subject) is not None
    )


@pytest.mark.parametrize("kind", TYPES.values())
def test_a_message_is_seen_by_its_own_consumer_and_by_no_other(kind: type[AnyMessage]) -> None:
    subject = subject_of(message(kind))
    seen_by = [k for k in TYPES.values() if matches(filter_for(k), subject)]
    assert seen_by == [kind]


def test_a_subject_names_environment_and_service_last() -> None:
    for kind in TYPES.values():
        assert subject_of(message(kind, service="shop", environment="qa")).endswith(".qa.shop")


def test_a_worker_can_be_bound_to_one_environment() -> None:
    for kind in COMMANDS:
        subject = subject_of(message(kind, environment="prod"))
        assert matches(filter_for(kind, "prod"), subject)
        assert not matches(filter_for(kind, "staging"), subject)


def test_how_a_run_ended_is_part_of_the_subject() -> None:
    found = subject_of(deploy_finished(outcome="succeeded"))
    assert found == "deploy.finished.succeeded.prod.checkout"


def test_commands_are_work_and_events_are_history() -> None:
    assert {stream_of(message(k)) for k in COMMANDS} == {WORK}
    assert {stream_of(message(k)) for k in EVENTS} == {DEPLOY}


def test_a_class_and_its_message_have_the_same_name_without_the_version() -> None:
    for type_, kind in TYPES.items():
        assert name_of(kind) == name_of(message(kind)) == type_.removesuffix(".v1")


def test_a_message_without_service_and_environment_has_no_place() -> None:
    lost = Event(type="x.v1", source="s", subject="r", correlationid="r", data=Payload())
    with pytest.raises(NoSubject, match=r"x\.v1 names no service"):
        subject_of(lost)
