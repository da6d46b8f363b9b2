"""Both embedded servers as one thing: what `goaround up`, `goaround demo` and the tests start.

Decides only the order of things: both start at once, and when one does not come up, the other is
not left behind. A server that ran before is left running: it is someone else's.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from goaround.embedded.nats import EmbeddedNats
from goaround.embedded.natsconfig import NatsUser, Sync
from goaround.embedded.postgres import EmbeddedPostgres
from goaround.embedded.status import ServerStatus


class EmbeddedServers(AbstractContextManager["EmbeddedServers"]):
    """NATS in `root/nats` and PostgreSQL in `root/postgres`, with the options of each."""

    def __init__(
        self,
        root: Path,
        *,
        users: Sequence[NatsUser] = (),
        nats_port: int = 0,
        sync: Sync = "always",
        durable: bool = True,
        die_with_parent: bool = False,
    ) -> None:
        self.root = root.resolve()
        self.nats = EmbeddedNats(
            self.root / "nats",
            port=nats_port,
            users=users,
            sync=sync,
            die_with_parent=die_with_parent,
        )
        self.postgres = EmbeddedPostgres(
            self.root / "postgres", durable=durable, die_with_parent=die_with_parent
        )

    def start(self) -> None:
        """Return once both take connections.

        Raises:
            ServerError: one did not come up (a note tells of the other, if that failed too).
        """
        self.root.mkdir(parents=True, exist_ok=True)
        servers: tuple[EmbeddedPostgres | EmbeddedNats, ...] = (self.postgres, self.nats)
        with ThreadPoolExecutor(max_workers=len(servers)) as pool:
            started = [pool.submit(server.start) for server in servers]
            faults = [future.exception() for future in started]
        failed = [fault for fault in faults if fault is not None]
        if not failed:
            return
        for server, fault in zip(servers, faults, strict=True):
            if fault is None and not server.adopted:
                server.stop()
        for other in failed[1:]:
            failed[0].add_note(str(other))
        raise failed[0]

    def stop(self) -> None:
        """End both, whoever started them; the one that fails does not keep the other up."""
        try:
            self.nats.stop()
        finally:
            self.postgres.stop()

    def erase(self) -> None:
        """Stop both and remove all they kept: data, messages, passwords, logs."""
        try:
            self.nats.erase()
        finally:
            self.postgres.erase()

    def status(self) -> tuple[ServerStatus, ServerStatus]:
        """Return the state of NATS, then of PostgreSQL."""
        return self.nats.status(), self.postgres.status()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()
