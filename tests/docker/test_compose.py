"""The installation in containers: valid, complete, and at one with the code that it starts."""

import importlib
import inspect
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from prometheus_client import REGISTRY

from goaround.local import SERVICES
from goaround.topology import ADMIN, OPERATOR, users
from goaround_chassis.settings import PREFIX, BusSettings, ServiceSettings
from goaround_guidebook import load
from tests.architecture.workspace import ROOT
from tests.docker.compose import compose, secrets, services


def settings_of(service: str) -> type[ServiceSettings]:
    """The settings class of a service, whatever it is called."""
    module = importlib.import_module(f"goaround_{service}.settings")
    own = [
        c
        for _, c in inspect.getmembers(module, inspect.isclass)
        if issubclass(c, ServiceSettings) and c.__module__ == module.__name__
    ]
    assert len(own) == 1, f"{module.__name__} has {len(own)} settings classes"
    return own[0]


def test_the_file_is_valid_in_a_fresh_clone() -> None:
    done = compose("config", "--quiet")
    assert done.returncode == 0, done.stderr


def test_the_file_is_complete_with_the_secrets_that_are_made_for_it(tmp_path: Path) -> None:
    env = tmp_path / "env"
    env.write_text("".join(f"{k}={v}\n" for k, v in secrets().items()))
    done = compose("config", "--quiet", env_file=env)
    assert (done.returncode, done.stderr) == (0, "")


def test_secrets_are_fresh_differ_and_read_as_words() -> None:
    made, again = secrets(), secrets()
    passwords = {k: v for k, v in made.items() if "PASSWORD" in k}
    assert len(set(passwords.values())) == len(passwords) >= len(SERVICES) + 2
    assert all(re.fullmatch(r"s[0-9a-f]{48}", value) for value in passwords.values())
    assert not set(passwords.values()) & set(again.values())


def test_there_is_a_block_for_each_service_and_each_has_what_it_waits_for() -> None:
    for service in SERVICES:
        block = services()[service]
        waits = {name: how["condition"] for name, how in block["depends_on"].items()}
        assert waits["nats"] == "service_healthy"
        assert waits["migrate-bus"] == "service_completed_successfully"
        assert "9100/ready" in block["healthcheck"]["test"][-1]
        assert block["build"]["args"]["SERVICE"] == service
        assert block["read_only"] is True
        assert block["cap_drop"] == ["ALL"]
    database = services()["orchestrator"]["depends_on"]["migrate-database"]
    assert database["condition"] == "service_completed_successfully"


def test_a_service_is_itself_on_the_bus_and_has_only_its_own_password() -> None:
    for service in SERVICES:
        given = services()[service]["environment"]
        assert given["GOAROUND_NATS_USER"] == service
    text = (ROOT / "docker-compose.yml").read_text()
    for service in (*SERVICES, ADMIN, OPERATOR):
        variable = f"${{GOAROUND_NATS_PASSWORD_{service.upper()}}}"
        user = re.findall(
            rf"NATS_USER: (\w+)\n +GOAROUND_NATS_PASSWORD: {re.escape(variable)}", text
        )
        assert user == [service]


@pytest.mark.parametrize("service", SERVICES)
def test_every_variable_that_a_service_is_given_is_a_setting_of_its(service: str) -> None:
    given = services()[service]["environment"]
    ours = {k.removeprefix(PREFIX).lower() for k in given if k.startswith(PREFIX)}
    assert ours <= set(settings_of(service).model_fields)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_with_what_it_is_given(
    service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given = services()[service]["environment"]
    for name in BusSettings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    for name, value in given.items():
        # A folder of the container's may not be one of this machine's.
        monkeypatch.setenv(name, str(tmp_path) if name.endswith("_DIR") else value or "")
    assert settings_of(service)().nats_url == "nats://nats:4222"


def test_the_migrations_are_told_what_they_need() -> None:
    bus = services()["migrate-bus"]["environment"]
    assert {k.removeprefix(PREFIX).lower() for k in bus} <= set(BusSettings.model_fields)
    assert bus["GOAROUND_NATS_USER"] == ADMIN
    schema = services()["migrate-database"]["environment"]
    assert {k.removeprefix(PREFIX).lower() for k in schema} <= set(
        settings_of("orchestrator").model_fields
    )


def test_every_file_that_is_mounted_exists() -> None:
    for name, block in services().items():
        for volume in block.get("volumes", []):
            if volume["type"] == "bind":
                assert Path(volume["source"]).exists(), f"{name} mounts {volume['source']}"


def test_the_guide_of_the_example_knows_the_addresses_of_the_containers() -> None:
    [mount] = services()["orchestrator"]["volumes"]
    environment = load(Path(mount["source"]) / "shop.yaml").guide.environments["compose"]
    shop, ci = (urlsplit(str(environment.vars[name])) for name in ("base", "ci"))
    assert shop.hostname in services()["deployer"]["networks"]["default"]["aliases"]
    start = (ROOT / "deploy/shop/start.sh").read_text()
    assert f"--port {shop.port}" in start
    assert f"state={environment.vars['state']}" in start
    assert ci.hostname in services()
    assert str(ci.port) in services()[ci.hostname]["command"]
    kept = {v["target"] for v in services()["watcher"]["volumes"]}
    assert environment.vars["state"] in kept, "the watcher reads the log there"


def test_prometheus_asks_every_service_and_the_shop() -> None:
    text = (ROOT / "deploy/prometheus/prometheus.yml").read_text()
    asked = re.search(r"names: \[([^]]+)\]", text)
    assert asked
    assert {n.strip() for n in asked[1].split(",")} == set(SERVICES)
    assert "port: 9100" in text
    assert "shop:8080" in text


def test_dashboard_and_alerts_show_what_the_services_count() -> None:
    for service in SERVICES:
        importlib.import_module(f"goaround_{service}.app")
    counted = {sample for family in REGISTRY.collect() for sample in _samples(family)}
    dashboard = json.loads((ROOT / "deploy/grafana/dashboards/goaround.json").read_text())
    asked = [t["expr"] for panel in dashboard["panels"] for t in panel["targets"]]
    asked += re.findall(r"expr: (.+)", (ROOT / "deploy/prometheus/alerts.yml").read_text())
    names = {name for expr in asked for name in re.findall(r"\bgoaround_[a-z_]+", expr)}
    assert names
    assert names <= counted
    shown = {re.sub(r"_(bucket|sum|count|created)$", "", n) for n in names}
    ours = {f"{f.name}_total" if f.type == "counter" else f.name for f in REGISTRY.collect()}
    assert {n for n in ours if n.startswith("goaround_")} <= shown, "a metric that nobody sees"


def _samples(family: Any) -> set[str]:
    ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    return {family.name + end for end in ends.get(family.type, ("",))}


def test_every_user_of_the_bus_gets_a_password() -> None:
    wanted = {f"GOAROUND_NATS_PASSWORD_{user.name.upper()}" for user in users()}
    assert set(services()["nats"]["environment"]) == wanted
    assert wanted <= set(secrets())
