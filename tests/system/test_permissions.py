"""Each service's user may say its own messages on the bus, and nothing else."""

# nats-py leaves parts of its signatures without types.
# pyright: reportUnknownMemberType=false

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import nats
import pytest
from nats.aio.client import Client

from goaround.embedded import EmbeddedNats
from goaround.embedded.binary import nats_program
from goaround.embedded.loopback import free_port
from goaround.natsconf import configuration, variable_of
from goaround.reach import bus_at
from goaround.topology import SAYS, TAKES, topology, users
from goaround_chassis.bus import apply
from goaround_schemas.subjects import name_of

pytestmark = pytest.mark.system

WITHIN_S = 5.0


@pytest.fixture
def server() -> Iterator[EmbeddedNats]:
    """A bus with the users that every installation has."""
    with (
        TemporaryDirectory(prefix="goaround-test-") as root,
        EmbeddedNats(Path(root), users=users(), sync="2m", die_with_parent=True) as server,
    ):
        yield server


class _User:
    """One user's connection, and what the server has refused it."""

    def __init__(self) -> None:
        self.refused: asyncio.Queue[str] = asyncio.Queue()

    @asynccontextmanager
    async def connected(self, url: str, name: str, password: str) -> AsyncGenerator[Client]:
        async def on_error(error: Exception) -> None:
            await self.refused.put(str(error).lower())

        client = await nats.connect(url, user=name, password=password, error_cb=on_error)
        try:
            yield client
        finally:
            await client.close()


def _url(server: EmbeddedNats, user: str) -> str:
    name, password = server.credentials(user)
    return server.url.replace("nats://", f"nats://{name}:{password}@")


async def _kept(server: EmbeddedNats, stream: str) -> list[str]:
    async with bus_at(_url(server, "admin")) as bus:
        return [received.subject async for received in bus.listed(stream)]


async def _migrated(server: EmbeddedNats) -> None:
    async with bus_at(_url(server, "admin")) as bus:
        await apply(bus, topology())


async def test_a_watcher_cannot_order_a_deployment(server: EmbeddedNats) -> None:
    await _migrated(server)
    watcher = _User()
    async with watcher.connected(server.url, *server.credentials("watcher")) as client:
        await client.publish("work.deploy.prod.x", b"{}")
        refused = await asyncio.wait_for(watcher.refused.get(), WITHIN_S)
        assert "permissions violation" in refused
        assert "work.deploy.prod.x" in refused
        await client.publish("deploy.observed.prod.x", b"{}")
        await client.flush()
    assert await _kept(server, "WORK") == []
    assert await _kept(server, "DEPLOY") == ["deploy.observed.prod.x"]


async def test_an_operator_has_consumers_of_its_own_and_cannot_touch_the_orchestrators(
    server: EmbeddedNats,
) -> None:
    await _migrated(server)
    operator = _User()
    own = json.dumps(
        {"stream_name": "DEPLOY", "config": {"durable_name": "mine", "ack_policy": "explicit"}}
    ).encode()
    consumer = "$JS.API.CONSUMER"
    async with operator.connected(server.url, *server.credentials("operator")) as client:
        made = await client.request(f"{consumer}.DURABLE.CREATE.DEPLOY.mine", own, timeout=WITHIN_S)
        assert "error" not in json.loads(made.data)
        for denied in (
            f"{consumer}.MSG.NEXT.DEPLOY.orchestrator",
            f"{consumer}.DELETE.DEPLOY.orchestrator-requests",
            f"{consumer}.DURABLE.CREATE.DEPLOY.orchestrator",
            f"{consumer}.CREATE.DEPLOY.orchestrator.deploy.>",
            "$JS.ACK.DEPLOY.orchestrator.1.1.1.1.0",
        ):
            await client.publish(denied, b"{}")
            refused = await asyncio.wait_for(operator.refused.get(), WITHIN_S)
            assert denied.lower() in refused
        # Named in the body alone, the server takes it for nobody's.
        sly = own.replace(b"mine", b"orchestrator")
        answer = await client.request(f"{consumer}.CREATE.DEPLOY", sly, timeout=WITHIN_S)
        assert "error" in json.loads(answer.data)


@pytest.mark.parametrize("user", [*TAKES, "operator"])
async def test_no_worker_and_no_operator_may_give_a_command(
    server: EmbeddedNats, user: str
) -> None:
    commands = [f"{name_of(kind)}.prod.x" for kinds in TAKES.values() for kind in kinds]
    asker = _User()
    async with asker.connected(server.url, *server.credentials(user)) as client:
        for command in commands:
            await client.publish(command, b"{}")
        refused = [await asyncio.wait_for(asker.refused.get(), WITHIN_S) for _ in commands]
    for command in commands:
        assert any(f'"{command}"' in why for why in refused)


async def test_an_operator_may_examine_everything_and_change_nothing_of_it(
    server: EmbeddedNats,
) -> None:
    await _migrated(server)
    known = topology()
    names = [*(s.name for s in known.streams), *(f"KV_{b.name}" for b in known.buckets)]
    asked = [
        "$JS.API.INFO",
        *(f"$JS.API.STREAM.INFO.{name}" for name in names),
        *(f"$JS.API.CONSUMER.INFO.{c.stream}.{c.name}" for c in known.consumers),
    ]
    changes = [
        verb.format(name=name)
        for name in names
        for verb in (
            "$JS.API.STREAM.UPDATE.{name}",
            "$JS.API.STREAM.PURGE.{name}",
            "$JS.API.STREAM.DELETE.{name}",
            "$JS.API.STREAM.MSG.DELETE.{name}",
        )
    ]
    changes += [
        "$JS.API.CONSUMER.DELETE.WORK.verifier",
        "$JS.API.CONSUMER.DELETE.TIMERS.watcher-timers",
        "$JS.API.CONSUMER.MSG.NEXT.WORK.verifier",
        "$JS.API.CONSUMER.CREATE.DEAD.mine",
        "$JS.API.CONSUMER.PAUSE.WORK.verifier",
    ]
    operator = _User()
    async with operator.connected(server.url, *server.credentials("operator")) as client:
        answers = [(await client.request(subject, b"", timeout=WITHIN_S)).data for subject in asked]
        assert not [answer for answer in answers if b'"error"' in answer]
        assert operator.refused.empty()
        for subject in changes:
            await client.publish(subject, b"{}")
        refused = [await asyncio.wait_for(operator.refused.get(), WITHIN_S) for _ in changes]
    for subject in changes:
        assert any(f'"{subject.lower()}"' in why for why in refused)


@pytest.mark.parametrize("user", SAYS)
async def test_a_worker_cannot_say_what_another_one_says_nor_end_a_run(
    server: EmbeddedNats, user: str
) -> None:
    others = [name_of(kind) for name, kinds in SAYS.items() if name != user for kind in kinds]
    subjects = [*(f"{name}.prod.x" for name in others), "deploy.finished.succeeded.prod.x"]
    worker = _User()
    async with worker.connected(server.url, *server.credentials(user)) as client:
        for subject in subjects:
            await client.publish(subject, b"{}")
        refused = [await asyncio.wait_for(worker.refused.get(), WITHIN_S) for _ in subjects]
    assert len(refused) == len(subjects)


async def test_a_nats_server_takes_the_printed_users_with_passwords_from_its_environment(
    tmp_path: Path,
) -> None:
    port = free_port()
    config = tmp_path / "nats.conf"
    config.write_text(f"listen: 127.0.0.1:{port}\n{configuration(users())}")
    secrets = {variable_of(user.name): f"s-{user.name}-1e3" for user in users()}
    process = await asyncio.create_subprocess_exec(
        *(nats_program(), "-c", str(config)),
        env=os.environ | secrets,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _listening(port)
        watcher = _User()
        url = f"nats://127.0.0.1:{port}"
        async with watcher.connected(url, "watcher", "s-watcher-1e3") as client:
            await client.publish("work.deploy.prod.x", b"{}")
            refused = await asyncio.wait_for(watcher.refused.get(), WITHIN_S)
            assert "permissions violation" in refused
    finally:
        process.terminate()
        await process.wait()


async def _listening(port: int) -> None:
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return
