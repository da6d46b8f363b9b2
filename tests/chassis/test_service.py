"""A service as its supervisor sees it: a process, signals, probes and an exit code."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from goaround_chassis.bus import Bus
from goaround_chassis.service import run
from goaround_schemas.envelope import encode
from tests.chassis.lane import Lane, until
from tests.chassis.messages import requested
from tests.chassis.nats_server import NatsServer, free_port
from tests.chassis.process import Process
from tests.chassis.worker import WorkerSettings, build

pytestmark = pytest.mark.system

Start = Callable[..., Process]


@pytest.fixture
def start(nats_server: NatsServer, tmp_path: Path) -> Iterator[Start]:
    started: list[Process] = []

    def start(lane: Lane, url: str | None = None, **env: str) -> Process:
        folder = tmp_path / f"worker-{len(started)}"
        process = Process(lane, url or nats_server.url, folder, **env)
        started.append(process)
        return process

    yield start
    for process in started:
        process.close()


async def test_asked_to_stop_it_finishes_what_is_in_hand_and_exits_0(
    lane: Lane, start: Start
) -> None:
    worker = start(lane)
    await worker.ready()
    await lane.send(encode(requested("run-slow-1")))
    await worker.noted("began run-slow-1")
    worker.terminate()
    assert await worker.ended() == 0
    began = ["began run-slow-1", "leaving", "ended run-slow-1"]
    assert worker.journal == ["started", *began, "stopped"]
    await lane.settled()
    assert (await lane.state())["redelivered"] == 0
    assert {"ts", "level", "service", "event"} <= set(worker.log[0])
    assert worker.log[-1]["event"] == "stopped"


async def test_what_is_not_done_within_the_grace_is_left_for_another(
    lane: Lane, start: Start
) -> None:
    first = start(lane, GOAROUND_SHUTDOWN_GRACE_S="0.2")
    await first.ready()
    await lane.send(encode(requested("run-hang-1")))
    await first.noted("began run-hang-1")
    first.terminate()
    assert await first.ended() == 0
    second = start(lane)
    await second.noted("began run-hang-1")


async def test_killed_in_mid_message_it_loses_nothing(lane: Lane, start: Start) -> None:
    first = start(lane)
    await first.ready()
    await lane.send(encode(requested("run-hang-1")))
    await lane.send(encode(requested("run-2")))
    await first.noted("began run-hang-1")
    await first.noted("ended run-2")
    first.kill()
    second = start(lane)
    await second.noted("began run-hang-1")
    assert second.journal.count("began run-2") <= 1


async def test_a_consumer_deleted_under_it_ends_it_with_a_word_and_code_3(
    lane: Lane, start: Start
) -> None:
    worker = start(lane, GOAROUND_CONSUMER_CHECK_S="0.2")
    await worker.ready()
    assert worker.probe("/live")[0] == 200
    await lane.bus.api(f"CONSUMER.DELETE.{lane.stream}.{lane.consumer}")
    assert await worker.ended() == 3
    lost = next(line for line in worker.log if line["event"] == "consumer_lost")
    assert lost["consumers"] == [f"{lane.stream}/{lane.consumer}"]
    # It did not make one by itself.
    answer = json.loads(await lane.bus.api(f"CONSUMER.INFO.{lane.stream}.{lane.consumer}"))
    assert "error" in answer


async def test_without_its_consumer_it_waits_unready_and_says_for_what(
    bus: Bus, lane: Lane, start: Start
) -> None:
    await bus.api(f"CONSUMER.DELETE.{lane.stream}.{lane.consumer}")
    worker = start(lane)

    async def says_so() -> bool:
        if not (worker.folder / "port").exists():
            return False
        status, said = worker.probe("/ready")
        return status == 503 and f"waiting for consumer {lane.stream}/{lane.consumer}" in said

    await until(says_so)
    assert worker.probe("/live")[0] == 200
    missing = next(line for line in worker.log if line["event"] == "consumer_missing")
    assert "migration" in str(missing["why"])
    await lane.open()
    await worker.ready()
    worker.terminate()
    assert await worker.ended() == 0


async def test_without_a_bus_it_waits_unready_says_why_and_still_stops_when_asked(
    lane: Lane, start: Start, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    guarded = NatsServer(tmp_path / "guarded", "authorization { user: worker, password: right }")
    guarded.start()
    request.addfinalizer(guarded.stop)
    port = free_port()
    without_bus = start(lane, f"nats://user:secret@127.0.0.1:{port}")
    refused = start(lane, guarded.url, GOAROUND_NATS_USER="worker", GOAROUND_NATS_PASSWORD="secret")
    waiting = await without_bus.logged("waiting_for_bus")
    assert "connect" in str(waiting["why"]).lower()

    async def is_told() -> bool:
        # The server may hang up before it has said why: then the next try is told.
        why = [str(line.get("why")).lower() for line in refused.log]
        return any("authorization violation" in said for said in why)

    await until(is_told, within_s=60)
    status, said = without_bus.probe("/ready")
    assert (status, f"waiting for the bus at 127.0.0.1:{port}" in said) == (503, True)
    assert without_bus.probe("/live")[0] == 200
    for worker in (without_bus, refused):
        worker.terminate()
        assert await worker.ended() == 0
        assert "secret" not in (worker.folder / "log").read_text()


async def test_it_answers_requests_and_shows_its_figures(lane: Lane, start: Start) -> None:
    worker = start(lane)
    await worker.ready()
    assert int(await lane.bus.request(f"api.{lane.stream}", b"", 5)) > 0
    await lane.send(encode(requested("run-1")))
    await lane.settled()
    status, figures = worker.probe("/metrics")
    assert status == 200
    assert 'goaround_messages_total{consumer="reader",result="handled"} 1.0' in figures
    assert 'goaround_handling_seconds_count{consumer="reader"} 1.0' in figures
    assert worker.probe("/nothing")[0] == 404


def test_bad_settings_stop_the_start_with_every_fault_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GOAROUND_NATS_URL", "http://user:secret@somewhere")
    monkeypatch.setenv("GOAROUND_PROBE_PORT", "many")
    monkeypatch.setenv("GOAROUND_SHUTDOWN_GRACE_S", "0")
    assert run(build, WorkerSettings, "worker") == 2
    said = capsys.readouterr().err
    assert "GOAROUND_NATS_URL: must look like nats://host:4222" in said
    assert "GOAROUND_PROBE_PORT: input should be a valid integer" in said
    assert "(is 'many')" in said
    assert "GOAROUND_SHUTDOWN_GRACE_S: input should be greater than 0" in said
    assert "GOAROUND_STREAM: is required and not set" in said
    assert "Traceback" not in said
    assert "secret" not in said


async def test_a_probe_port_that_is_taken_is_a_setting_to_change(
    lane: Lane, nats_server: NatsServer, start: Start
) -> None:
    worker = start(lane, GOAROUND_PROBE_PORT=str(nats_server.port))
    assert await worker.ended() == 2
    assert "GOAROUND_PROBE_PORT" in str(worker.log[-1]["why"])
