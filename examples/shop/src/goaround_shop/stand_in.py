"""How the stand-ins stand: one handler on one port of this machine, until told to go.

The board and the CI server are no part of the shop; they stand for what a team already has.
"""

import argparse
import asyncio
from pathlib import Path

from goaround_shop.http11 import Handler, Server, listen, port_of
from goaround_shop.process import say_port, until_told


def arguments(name: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser that knows where to stand and when to go."""
    parser = argparse.ArgumentParser(prog=f"goaround_shop {name}", description=description)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--port-file", type=Path, help="where to write the port")
    parser.add_argument("--die-with-pid", type=int, help="stop when that process is gone")
    return parser


def stand(handler: Handler, parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    """Answer with `handler` until SIGTERM, SIGINT or the end of `--die-with-pid`."""
    try:
        listener = listen(args.host, args.port)
    except OSError as error:
        parser.exit(1, f"cannot listen on {args.host}:{args.port}: {error}\n")

    async def answer_until_told() -> None:
        server = Server(handler)
        await server.start(listener)
        # Said only now: who waits for the file may ask at once.
        say_port(args.port_file, port_of(listener))
        await until_told(args.die_with_pid)
        await server.drain(idle_s=0.0)

    asyncio.run(answer_until_told())
    return 0
