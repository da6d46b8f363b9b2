"""The system that chaos is done to: `LocalSystem` with two processes of each service.

The second of each reaches the bus over a link of its own, where there is one to cut.
"""

import dataclasses
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from goaround.embedded.natsconfig import with_passwords
from goaround.embedded.natsfiles import NatsFiles
from goaround.local import SERVICES, LocalSystem, Part
from goaround.topology import ACK_WAIT_S, ADMIN, topology, users
from goaround_chassis.bus import Bus, Topology, apply
from goaround_chassis.settings import BusSettings
from tests.chaos.nodes import Disk, Nodes

_MIB = 1024 * 1024


@dataclass
class System(LocalSystem):
    """Everything below one folder: servers, services, guides, effects."""

    servers_of_the_bus: int = 1
    disk_bytes: int = 0
    """Of the bus; 0 takes the disk that there is."""
    ack_wait_s: float = ACK_WAIT_S
    links: dict[str, str] = field(default_factory=dict[str, str])
    """By service: where its second process finds the bus."""
    seconds: dict[int, str] = field(default_factory=dict[int, str])
    """The pids of the processes behind links, with the links' addresses."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._through = ""
        files = NatsFiles(self.root / "nats")
        (self.root / "nats").mkdir(parents=True)
        files.write_passwords(with_passwords(users(), {}))
        self.disk = Disk(self.root / "disk", self.disk_bytes) if self.disk_bytes else None
        self.nodes = Nodes(
            self.root / "bus", self.servers_of_the_bus, files.passwords(), self.sync, self.disk
        )

    @property
    def nats_url(self) -> str:
        """Every server of the bus, without a user."""
        return self.nodes.url

    @property
    def topology(self) -> Topology:
        """Ours, on every server, small enough for a small disk, with the ack wait to be tried."""
        whole = topology(self.servers_of_the_bus)
        streams = (
            dataclasses.replace(stream, max_bytes=min(stream.max_bytes, 256 * _MIB))
            for stream in whole.streams
        )
        consumers = (
            dataclasses.replace(consumer, ack_wait_s=self.ack_wait_s)
            for consumer in whole.consumers
        )
        return dataclasses.replace(whole, streams=tuple(streams), consumers=tuple(consumers))

    def start(self, say: Callable[[str], None] = lambda _: None) -> None:
        """Start the servers and migrate them; services come with `spawn_all`."""
        say(f"starting PostgreSQL and {self.servers_of_the_bus} NATS")
        self.servers.postgres.start()
        self.nodes.start()
        self._migrate_database()

    def spawn_all(self) -> None:
        """Start two processes of each service, and return once all are ready."""
        for service in SERVICES:
            self.spawn(service)
            self.spawn_through(service, self.links.get(service, ""))
        self.wait_ready()

    def spawn_through(self, service: str, link: str) -> Part:
        """Start a process that finds the bus at that address; at the bus's own where empty."""
        self._through = link
        try:
            part = self.spawn(service)
        finally:
            self._through = ""
        if link:
            self.seconds[part.pid] = link
        return part

    def respawn(self, part: Part) -> Part:
        """Start a process anew that has ended, over the link that it had."""
        self.parts.remove(part)
        return self.spawn_through(part.service, self.seconds.pop(part.pid, ""))

    def stop(self) -> None:
        """End everything, whatever state it is in."""
        for part in self.parts:
            if part.process.poll() is None:
                part.process.send_signal(signal.SIGCONT)
        super().stop()
        self.nodes.stop()

    def bus_settings(self, user: str = ADMIN) -> BusSettings:
        """How the driver connects."""
        name, password = self.servers.nats.credentials(user)
        return BusSettings.model_validate(
            {"nats_url": self.nats_url, "nats_user": name, "nats_password": password}
        )

    async def migrate_bus(self) -> None:
        """Make streams, consumers and buckets."""
        async with await Bus.connect(self.bus_settings(), "migrate") as bus:
            await apply(bus, self.topology)

    def _environment(self, service: str, port_file: Path) -> dict[str, str]:
        environment = super()._environment(service, port_file)
        if self._through:
            environment["GOAROUND_NATS_URL"] = self._through
        return environment
