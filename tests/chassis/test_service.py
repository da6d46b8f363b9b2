"""A service as its supervisor sees it: a process, signals, probes and an exit code."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from goaround_chassis.bus import Bus
from goaround_schemas.envelope import encode
from tests.chassis.lane import Lane, until
from tests.chassis.messages import requested
from tests.chassis.nats_server import NatsServer, free_port
from tests.chassis.process import Process

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
    assert worker.journal == ["started", "began run-slow-1", "ended run-slow-1", "stopped"]
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


async def test_without_a_bus_it_waits_unready_says_so_and_still_stops_when_asked(
    lane: Lane, start: Start
) -> None:
    port = free_port()
    worker = start(lane, f"nats://user:secret@127.0.0.1:{port}")
    await worker.logged("waiting_for_bus")
    status, said = worker.probe("/ready")
    assert (status, f"waiting for the bus at 127.0.0.1:{port}" in said) == (503, True)
    assert worker.probe("/live")[0] == 200
    worker.terminate()
    assert await worker.ended() == 0
    assert "secret" not in (worker.folder / "log").read_text()


async def test_refused_by_the_bus_it_says_that_it_is_the_password(
    lane: Lane, start: Start, tmp_path: Path
) -> None:
    guarded = NatsServer(tmp_path / "guarded", "authorization { user: worker, password: right }")
    guarded.start()
    worker = start(lane, guarded.url, GOAROUND_NATS_USER="worker", GOAROUND_NATS_PASSWORD="wrong")
    waiting = await worker.logged("waiting_for_bus")
    assert "authorization violation" in str(waiting["why"]).lower()
    worker.kill()
    guarded.stop()


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


async def test_bad_settings_stop_the_start_with_every_fault_by_name(
    lane: Lane, start: Start
) -> None:
    worker = start(
        lane, "http://somewhere", GOAROUND_PROBE_PORT="many", GOAROUND_SHUTDOWN_GRACE_S="0"
    )
    assert await worker.ended() == 2
    said = (worker.folder / "log").read_text()
    assert "GOAROUND_NATS_URL: must look like nats://host:4222" in said
    assert "GOAROUND_PROBE_PORT: input should be a valid integer" in said
    assert "(is 'many')" in said
    assert "GOAROUND_SHUTDOWN_GRACE_S: input should be greater than 0" in said
    assert "Traceback" not in said


async def test_a_probe_port_that_is_taken_is_a_setting_to_change(
    lane: Lane, nats_server: NatsServer, start: Start
) -> None:
    worker = start(lane, GOAROUND_PROBE_PORT=str(nats_server.port))
    assert await worker.ended() == 2
    assert "GOAROUND_PROBE_PORT" in str(worker.log[-1]["why"])
