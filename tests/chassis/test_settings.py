from collections.abc import Callable

import pytest
from pydantic import SecretStr

from goaround_chassis.settings import BadSettings, BusSettings, ServiceSettings, read


def given(**values: object) -> Callable[[], ServiceSettings]:
    return lambda: ServiceSettings.model_validate(values)


def test_the_defaults_are_a_service_on_this_machine() -> None:
    settings = ServiceSettings()
    assert settings.servers == ["nats://127.0.0.1:4222"]
    assert settings.user is None
    assert (settings.probe_host, settings.probe_port) == ("127.0.0.1", 0)


def test_several_servers_are_separated_by_commas_and_the_user_may_stand_in_the_url() -> None:
    settings = BusSettings(nats_url="nats://watcher:pw@a:4222, tls://b:4222")
    assert settings.servers == ["nats://watcher:pw@a:4222", "tls://b:4222"]
    assert settings.user == "watcher"
    named = BusSettings.model_validate({"nats_user": "verifier", "nats_password": "pw"})
    assert (named.user, named.nats_password) == ("verifier", SecretStr("pw"))
    assert "pw" not in repr(named)


def test_every_fault_is_told_by_the_name_of_its_variable() -> None:
    with pytest.raises(BadSettings) as bad:
        read(given(nats_url="localhost", probe_port=99999, log_format="xml", concurrency=0))
    assert [fault.partition(":")[0] for fault in bad.value.faults] == [
        "GOAROUND_NATS_URL",
        "GOAROUND_PROBE_PORT",
        "GOAROUND_LOG_FORMAT",
        "GOAROUND_CONCURRENCY",
    ]


def test_what_is_required_and_missing_is_said_to_be() -> None:
    class Needy(ServiceSettings):
        database_dsn: str

    with pytest.raises(BadSettings, match="GOAROUND_DATABASE_DSN: is required and not set"):
        read(lambda: Needy.model_validate({}))
