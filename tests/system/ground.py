"""A real system and a place to put guides: what the system tests stand on."""

# nats-py leaves parts of its signatures without types.
# pyright: reportUnknownMemberType=false

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import nats
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig
from nats.js.errors import NoStreamResponseError, ServiceUnavailableError

from goaround.local import LocalSystem, Part

Document = dict[str, Any]

GUIDE = """\
guide: goaround/v1
service: {service}
environments: {{prod: {{}}}}
deploy:
  steps:
    - {{name: switch, script: '{switch}', idempotent: {idempotent}, timeout: {timeout}}}
verify:
  liveness:
    - {{run: [sh, -c, '{health}'], retries: 0}}
watch: {watch}
rollback:
  steps:
    - name: back
      idempotent: true
      script: 'echo "back $GOAROUND_PREVIOUS_VERSION" >> {effects}'
{more}"""


class Ground:
    """The system, its guides, and the effects that steps have had."""

    def __init__(self, system: LocalSystem) -> None:
        self.system = system

    def effects(self, service: str) -> list[str]:
        """What the steps of a service have done, in order."""
        path = self._effects(service)
        return path.read_text().splitlines() if path.exists() else []

    def flag(self, name: str) -> Path:
        """A file that a step or a check waits for, or that it makes."""
        return self.system.workspace / f"{name}.flag"

    def guide(
        self,
        service: str,
        *,
        before: str = "true",
        health: str = "true",
        watch: str = "{period: 0s}",
        idempotent: bool = True,
        timeout: str = "60s",
        more: str = "",
    ) -> Path:
        """Write a guide whose switch notes what it does, after `before` has ended."""
        effects = self._effects(service)
        text = GUIDE.format(
            service=service,
            switch=f'{before}; echo "switch $GOAROUND_VERSION" >> {effects}',
            idempotent=str(idempotent).lower(),
            timeout=timeout,
            health=health,
            watch=watch,
            effects=effects,
            more=more,
        )
        path = self.system.guides / f"{service}.yaml"
        path.write_text(text)
        return path

    def part(self, service: str) -> Part:
        """A process of the service that runs."""
        return next(
            p for p in self.system.parts if p.service == service and p.process.poll() is None
        )

    def _effects(self, service: str) -> Path:
        return self.system.workspace / f"{service}.effects"


class Wire:
    """The bus as any tool sees it: raw nats-py, and the operator's rights."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.js: JetStreamContext = client.jetstream()

    async def ask(self, subject: str, body: Document) -> Document:
        """Ask the orchestrator."""
        answer = await self.client.request(subject, json.dumps(body).encode(), timeout=10)
        reply: Document = json.loads(answer.data)
        return reply

    async def publish(
        self, body: bytes | Document, subject: str = "deploy.requested", **headers: str
    ) -> None:
        """Publish to the front door."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        await self.js.publish(subject, data, stream="DEPLOY", headers=headers or None, timeout=5)

    async def finished(self, service: str, count: int = 1, within_s: float = 60) -> list[Document]:
        """The first outcomes of a service."""
        return await self._first(f"deploy.finished.*.prod.{service}", count, within_s)

    async def outcome(self, service: str, nth: int = 1, within_s: float = 60) -> Document:
        """The data of the service's nth outcome."""
        data: Document = (await self.finished(service, nth, within_s))[nth - 1]["data"]
        return data

    async def reached(self, service: str, phase: str, within_s: float = 60) -> None:
        """Return when a run of the service has reached the phase."""
        async with asyncio.timeout(within_s):
            async with self._reading(f"deploy.advanced.prod.{service}") as read:
                while True:
                    for event in await read():
                        if event["data"]["to"] == phase:
                            return

    async def events(self, subject: str, count: int, within_s: float = 30) -> list[Document]:
        """The first events on a subject."""
        return await self._first(subject, count, within_s)

    async def _first(self, subject: str, count: int, within_s: float) -> list[Document]:
        found: list[Document] = []
        async with asyncio.timeout(within_s), self._reading(subject) as read:
            while len(found) < count:
                found += await read()
        return found

    async def _subscribed(self, subject: str) -> JetStreamContext.PullSubscription:
        config = ConsumerConfig(inactive_threshold=60)
        while True:
            try:
                return await self.js.pull_subscribe(subject, stream="DEPLOY", config=config)
            except (TimeoutError, ServiceUnavailableError, NoStreamResponseError):
                # The server is on its way back: a tool would ask again too.
                await asyncio.sleep(0.1)

    @asynccontextmanager
    async def _reading(
        self, subject: str
    ) -> AsyncGenerator[Callable[[], Awaitable[list[Document]]]]:
        subscription = await self._subscribed(subject)

        async def read() -> list[Document]:
            try:
                messages = await subscription.fetch(100, timeout=1)
            except TimeoutError:
                return []
            for message in messages:
                await message.ack()
            return [json.loads(m.data) for m in messages]

        try:
            yield read
        finally:
            await subscription.unsubscribe()


@asynccontextmanager
async def wired(system: LocalSystem) -> AsyncGenerator[Wire]:
    """Connect as the operator."""
    client = await nats.connect(
        system.url_for("operator"),
        inbox_prefix=b"_INBOX_operator",
        reconnect_time_wait=0.1,
        max_reconnect_attempts=-1,
    )
    try:
        yield Wire(client)
    finally:
        await client.close()


def metric(part: Part, name: str, **labels: str) -> float:
    """The sum of a metric's series with these labels, as the process tells it now."""
    wanted = [f'{k}="{v}"' for k, v in labels.items()]
    with urlopen(f"{part.probes}/metrics", timeout=5) as page:
        lines = page.read().decode().splitlines()
    return sum(
        float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith(name) and all(w in line for w in wanted)
    )


async def until(true: Callable[[], bool], within_s: float = 30) -> None:
    """Return when it is true; the condition is another process's, so it is asked again."""
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110 - the condition is another process's
            await asyncio.sleep(0.02)
