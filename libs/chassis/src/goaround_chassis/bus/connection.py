"""One service's place on the bus: the connection, and all that is done over it."""
# The client library leaves parts of its signatures without types.
# pyright: reportUnknownMemberType=false

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import TracebackType
from typing import Self

import nats.errors
import structlog
from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as CoreSubscription
from nats.js import JetStreamContext

from goaround_chassis.bus import reading, requests
from goaround_chassis.bus.bucket import NatsBucket
from goaround_chassis.bus.crew import Crew
from goaround_chassis.bus.errors import Unavailable
from goaround_chassis.bus.grouping import Grouping
from goaround_chassis.bus.pulling import BindingClient
from goaround_chassis.bus.received import Received, from_subject
from goaround_chassis.bus.replay import Replay, Since
from goaround_chassis.bus.subscription import Subscription, bind, find
from goaround_chassis.bus.timers import NatsTimers
from goaround_chassis.settings import BusSettings
from goaround_schemas.envelope import CONTENT_TYPE, Message, encode
from goaround_schemas.subjects import stream_of, subject_of

log = structlog.get_logger(__name__)

RECONNECT_WAIT_S = 0.2
CONNECT_TIMEOUT_S = 3
SAY_FIRST_S = 1.0
SAY_EVERY_S = 5.0
# A half-open connection is noticed after two missed pings.
PING_EVERY_S = 10


class _Broker(NatsBroker):
    """FastStream's broker over a connection that we open.

    Its own way to connect raises inside the client's error callback (on a stale connection, for
    one), which ends the client's attempts to reconnect for good.
    """

    def __init__(self, open_: Callable[[], Awaitable[BindingClient]], grace_s: float) -> None:
        self._open = open_
        self.leaving = False
        self.grace_s = grace_s
        # Not the library's own logger, which has a handler of its own. At INFO it tells of every
        # message, twice.
        logger = logging.getLogger(f"{__name__}.faststream")
        logger.setLevel(logging.WARNING)
        super().__init__(apply_types=False, graceful_timeout=grace_s, logger=logger)

    async def _connect(self) -> BindingClient:
        client = await self._open()
        self.config.connect(client)
        return client


class Bus:
    """One service's place on the bus. Made by `connect`; implements `Publisher`."""

    def __init__(self, broker: _Broker, client: BindingClient, name: str) -> None:
        self._broker = broker
        self._client = client
        self._js: JetStreamContext = client.jetstream()
        self._name = name
        self._grace_s = broker.grace_s
        self._answers = requests.Answers(client)
        self._wanted: list[Subscription] = []
        self._bound: list[Subscription] = []
        self._crews: list[Crew] = []
        self._grouping = Grouping(client, self._js)
        self._listening: list[CoreSubscription] = []

    @classmethod
    async def connect(cls, settings: BusSettings, name: str) -> Self:
        """Return once connected; waits for the server as long as it takes, and says so."""
        password = settings.nats_password
        inbox_prefix = f"_INBOX_{settings.user}" if settings.user else "_INBOX"
        last_error: list[str] = []

        async def on_error(error: Exception) -> None:
            why = str(error) or type(error).__name__
            last_error[:] = [why]
            if client_ready.is_set():
                log.warning("bus_error", why=why)

        async def on_disconnected() -> None:
            if client_ready.is_set() and not broker.leaving:
                log.warning("bus_disconnected")

        async def on_reconnected() -> None:
            log.info("bus_reconnected")

        async def open_() -> BindingClient:
            client = BindingClient()
            await client.connect(
                settings.servers,
                name=name,
                user=settings.nats_user,
                password=password.get_secret_value() if password else None,
                inbox_prefix=inbox_prefix,
                max_reconnect_attempts=-1,
                reconnect_time_wait=RECONNECT_WAIT_S,  # type: ignore[arg-type]
                connect_timeout=CONNECT_TIMEOUT_S,
                ping_interval=PING_EVERY_S,
                error_cb=on_error,
                disconnected_cb=on_disconnected,
                reconnected_cb=on_reconnected,
            )
            return client

        client_ready = asyncio.Event()
        broker = _Broker(open_, settings.shutdown_grace_s)
        connecting = asyncio.ensure_future(broker.connect())
        try:
            patience_s = SAY_FIRST_S
            while not (await asyncio.wait({connecting}, timeout=patience_s))[0]:
                patience_s = SAY_EVERY_S
                log.warning(
                    "waiting_for_bus",
                    servers=[_without_password(server) for server in settings.servers],
                    why=last_error[0] if last_error else "no answer",
                )
        finally:
            connecting.cancel()
        client_ready.set()
        client = connecting.result()
        assert isinstance(client, BindingClient)
        return cls(broker, client, name)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def connected(self) -> bool:
        """Whether the server can be reached right now."""
        return self._client.is_connected

    @property
    def server_version(self) -> tuple[int, int, int]:
        """The version of the server that we are connected to."""
        version = self._client.connected_server_version
        return (version.major, version.minor, version.patch)

    @property
    def waiting_for(self) -> list[str]:
        """The consumers that are wanted and not there yet, as `stream/consumer`."""
        return [f"{s.stream}/{s.consumer}" for s in self._wanted if s not in self._bound]

    async def publish(self, message: Message) -> None:
        """Return once the message is kept; publishing it twice is the same as once.

        Raises:
            Unavailable: Not confirmed, after several tries.
            Refused: The server said no.
        """
        headers = {"Nats-Msg-Id": str(message.id), "Content-Type": CONTENT_TYPE}
        if message.traceparent:
            headers["traceparent"] = message.traceparent
        await self._grouping.publish(
            subject_of(message), encode(message), stream=stream_of(message), headers=headers
        )

    async def publish_raw(
        self,
        subject: str,
        body: bytes,
        *,
        stream: str,
        msg_id: str,
        headers: Mapping[str, str] | None = None,
    ) -> bool:
        """Publish bytes as they are; return whether the stream had them already.

        Raises:
            Unavailable: Not confirmed, after several tries.
            Refused: The server said no.
        """
        all_headers = {**(headers or {}), "Nats-Msg-Id": msg_id}
        ack = await self._grouping.publish(subject, body, stream=stream, headers=all_headers)
        return bool(ack.duplicate)

    def gather(self, patience_s: float, stream: str | None = None) -> None:
        """Let what is published, or so to one stream, wait so long for company where it is much."""
        self._grouping.wait(patience_s, stream)

    async def consume(self, subscription: Subscription) -> None:
        """Return once messages of the consumer are being handled; waits until it exists."""
        self._wanted.append(subscription)
        crew = await bind(self._broker, self._client, self._js, subscription, service=self._name)
        self._crews.append(crew)
        self._bound.append(subscription)
        log.info("consuming", stream=subscription.stream, consumer=subscription.consumer)

    async def vanished(self) -> list[str]:
        """Return the consumers, as `stream/consumer`, that were bound and exist no more.

        Only a server that says so counts; one that does not answer says nothing.
        """
        gone: list[str] = []
        for subscription in self._bound:
            try:
                if await find(self._js, subscription) is None:
                    gone.append(f"{subscription.stream}/{subscription.consumer}")
            except (nats.errors.Error, TimeoutError) as error:
                log.debug("consumer_not_checked", consumer=subscription.consumer, why=str(error))
        return gone

    async def answer(
        self,
        subject: str,
        handler: Callable[[bytes], Awaitable[bytes]],
        queue: str | None = None,
    ) -> None:
        """Answer requests on a subject; one instance of a queue (default: our name) does."""
        await self._answers.add(subject, handler, queue or self._name)

    async def request(self, subject: str, body: bytes, timeout_s: float) -> bytes:
        """Return the answer to a request.

        Raises:
            NoAnswer: Nobody listens, none was in time, or the one who answered could not.
        """
        return await requests.request(self._client, subject, body, timeout_s)

    async def tell(self, subject: str, body: bytes) -> None:
        """Say something on a plain subject. Who does not listen just now never hears of it.

        Raises:
            Unavailable: There is no connection; it is not kept for when there is one.
        """
        if not self._client.is_connected:
            raise Unavailable(f"tell {subject}", "no connection")
        try:
            await self._client.publish(subject, body)
        except nats.errors.Error as error:
            raise Unavailable(f"tell {subject}", str(error)) from error

    async def listen(self, subject: str, handler: Callable[[Received], Awaitable[None]]) -> None:
        """Have a handler see what passes on a plain subject. What it misses is gone."""

        async def take(msg: Msg) -> None:
            await handler(from_subject(msg))

        self._listening.append(await self._client.subscribe(subject, cb=take))
        await self._client.flush()

    async def events(
        self,
        stream: str,
        filter_subjects: tuple[str, ...] | list[str],
        *,
        since: Since = "start",
    ) -> Replay:
        """Return the messages of a stream in order, without end, from the start, a time or now on.

        Raises:
            Refused: There is no such stream, or it may not be read.
            Unavailable: The server did not answer.
        """
        replay = Replay(self._js, stream, tuple(filter_subjects))
        await replay.open(since)
        return replay

    def bucket(self, name: str) -> NatsBucket:
        """Return the key-value bucket of that name, which the migration has made."""
        return NatsBucket(self._client, self._js, self._grouping, name)

    def timers(self) -> NatsTimers:
        """Return the alarms."""
        return NatsTimers(self._grouping)

    async def queued(self, subject: str, stream: str) -> int:
        """Return how many messages of a subject a stream still has; of a work queue, the undone."""
        return await reading.queued(self._js, subject, stream)

    async def last_on(self, stream: str, subject: str) -> Received | None:
        """Return the newest message of a subject; None if there is none."""
        return await reading.last_on(self._js, stream, subject)

    async def fetch_by_sequence(self, stream: str, seq: int) -> Received | None:
        """Return the message of that sequence; None if it is not, or no longer, there."""
        return await reading.by_sequence(self._js, stream, seq)

    def listed(
        self, stream: str, *, subject: str = ">", after: int = 0, limit: int = 100
    ) -> AsyncIterator[Received]:
        """Yield messages of a stream, oldest first, beyond a sequence, so many at most."""
        return reading.listed(self._js, stream, subject=subject, after=after, limit=limit)

    async def discard(self, stream: str, seq: int) -> bool:
        """Remove one message of a stream for good; False if it was not there."""
        return await reading.discard(self._js, stream, seq)

    async def api(self, subject: str, body: bytes = b"", timeout_s: float = 5.0) -> bytes:
        """Ask JetStream's own interface (`STREAM.INFO.X`, ...); for the migration command."""
        return await requests.request(self._client, f"$JS.API.{subject}", body, timeout_s)

    async def stop_consuming(self) -> None:
        """Take nothing more, and finish what is in hand within `shutdown_grace_s`.

        What is not finished by then is cancelled, not settled, and comes back to another instance.
        """
        stops = [subscriber.stop() for subscriber in self._broker.subscribers]
        for failed in await asyncio.gather(
            self._answers.stop(self._grace_s), *stops, return_exceptions=True
        ):
            if isinstance(failed, BaseException):
                log.warning("stop_failed", why=str(failed) or type(failed).__name__)
        await asyncio.gather(*(crew.finish(self._grace_s) for crew in self._crews))
        self._crews.clear()
        self._wanted.clear()
        self._bound.clear()

    async def close(self) -> None:
        """Stop, send what is still to be sent, and leave."""
        await self.stop_consuming()
        self._broker.leaving = True
        try:
            await self._client.drain()
        except (nats.errors.Error, TimeoutError) as error:
            log.debug("drain_failed", why=str(error))
            await self._client.close()


def _without_password(server: str) -> str:
    scheme, _, rest = server.rpartition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if scheme else rest.rpartition("@")[2]
