"""`serve`: one release as a process, from its listening socket to its last answer."""

import argparse
import asyncio
import os
import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from goaround_shop.handover import Offer, say_serving, wait_for_go
from goaround_shop.http11 import Server, listen, port_of
from goaround_shop.instances import Instances
from goaround_shop.orders import Orders, open_pool
from goaround_shop.process import say_port, until_told
from goaround_shop.releases import RELEASES, Release, release
from goaround_shop.service import Shop
from goaround_shop.telemetry import Metrics, open_log

CLOSE_S = 2.0


def main(argv: Sequence[str]) -> int:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="goaround_shop serve", description=__doc__)
    parser.add_argument("--release", required=True, choices=tuple(RELEASES))
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--port-file", type=Path, help="where to write the port")
    parser.add_argument(
        "--database",
        default=os.environ.get("SHOP_DATABASE"),
        help="Postgres address; $SHOP_DATABASE if absent, which keeps it out of the process list",
    )
    parser.add_argument("--log", type=Path, required=True, help="the application's log")
    parser.add_argument("--die-with-pid", type=int, help="stop when that process is gone")
    parser.add_argument("--degrade-after", type=float, help="seconds; for a release that degrades")
    given = parser.add_argument_group("given by the release tool")
    given.add_argument("--state", type=Path, help="where to say that it serves")
    given.add_argument("--listen-fd", type=int, help="an inherited listening socket")
    given.add_argument("--control-fd", type=int, help="serve only when told to on this socket")
    args = parser.parse_args(argv[1:])
    if args.database is None:
        parser.error("--database is missing, and $SHOP_DATABASE is not set")
    version = release(args.release)
    if args.degrade_after is not None and version.wear is not None:
        version = replace(version, wear=replace(version.wear, onset_s=args.degrade_after))
    try:
        listener = _listener(args.listen_fd, args.host, args.port)
    except OSError as error:
        parser.exit(1, f"cannot listen on {args.host}:{args.port}: {error}\n")
    say_port(args.port_file, port_of(listener))
    return asyncio.run(
        _serve(
            version,
            listener,
            args.database,
            args.log,
            die_with_pid=args.die_with_pid,
            instances=Instances(args.state) if args.state is not None else None,
            control=socket.socket(fileno=args.control_fd) if args.control_fd is not None else None,
        )
    )


def _listener(fd: int | None, host: str, port: int) -> socket.socket:
    return listen(host, port) if fd is None else socket.socket(fileno=fd)


async def _serve(
    version: Release,
    listener: socket.socket,
    database: str,
    log_file: Path,
    *,
    die_with_pid: int | None,
    instances: Instances | None,
    control: socket.socket | None,
) -> int:
    log = open_log(log_file, version.version)
    pool = await open_pool(database)
    shop = Shop(version, Orders(pool, version), Metrics(version.version), log)
    if control is not None and not await wait_for_go(control):
        return 1
    server = Server(shop)
    port = port_of(listener)
    offer = Offer(listener, instances.run) if instances else None
    await server.start(listener)
    if instances is not None:
        instances.register(version.version, port, serving=True)
    if control is not None:
        await say_serving(control)
    log.info("serving release %s", version.version)
    try:
        why = await until_told(die_with_pid)
        log.info("draining: %s", why)
        if instances is not None:
            instances.register(version.version, port, serving=False)
        if offer is not None:
            offer.withdraw()
        await server.drain()
        try:
            await asyncio.wait_for(pool.close(), CLOSE_S)
        except TimeoutError:
            pool.terminate()
    finally:
        if instances is not None:
            instances.unregister()
    return 0
