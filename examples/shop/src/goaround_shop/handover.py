"""How a listening socket goes from one process to the next, so that no connection is ever refused.

The socket itself is passed on, not a second one bound beside it: connections that wait in its
queue when the old process stops are accepted by the new one. It never accepts anything itself.
"""

import asyncio
import contextlib
import os
import socket
from pathlib import Path

READY = b"ready\n"
SERVE = b"serve\n"
SERVING = b"serving\n"
ANSWER_S = 5.0


class Offer:
    """Hands this process's listening socket to whoever of the same user asks for it."""

    def __init__(self, listener: socket.socket, run: Path) -> None:
        # Named relative to its directory: a socket's path may have some 100 bytes only.
        self._path = run / f"{os.getpid()}.listener"
        self._listener = listener.dup()
        self._door = socket.socket(socket.AF_UNIX)
        self._door.setblocking(False)
        with contextlib.chdir(run):
            Path(self._path.name).unlink(missing_ok=True)
            self._door.bind(self._path.name)
        self._door.listen(4)
        asyncio.get_running_loop().add_reader(self._door, self._hand_on)

    def withdraw(self) -> None:
        """Offer it no more."""
        asyncio.get_running_loop().remove_reader(self._door)
        self._door.close()
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _hand_on(self) -> None:
        with contextlib.suppress(OSError):  # who asked may have left again
            taker, _ = self._door.accept()
            with taker:
                socket.send_fds(taker, [b"l"], [self._listener.fileno()])


def take(run: Path, pid: int) -> socket.socket:
    """Return the listening socket of process `pid`, which goes on accepting on it.

    Raises:
        OSError: it offers none, or did not answer in time.
    """
    with socket.socket(socket.AF_UNIX) as door:
        door.settimeout(ANSWER_S)
        with contextlib.chdir(run):
            door.connect(f"{pid}.listener")
        _, fds, _, _ = socket.recv_fds(door, 1, 1)
    if not fds:
        raise ConnectionError(f"process {pid} closed without handing its socket on")
    return socket.socket(fileno=fds[0])


async def wait_for_go(control: socket.socket) -> bool:
    """Say that this process is ready to serve; True when told to.

    False when the command that started it died first: then nobody wants it, and it must end.
    """
    loop = asyncio.get_running_loop()
    control.setblocking(False)
    try:
        await loop.sock_sendall(control, READY)
        return await loop.sock_recv(control, len(SERVE)) == SERVE
    except ConnectionError:
        return False


async def say_serving(control: socket.socket) -> None:
    """Say that this process accepts; whether anybody still listens does not matter."""
    with contextlib.suppress(ConnectionError):
        await asyncio.get_running_loop().sock_sendall(control, SERVING)
    control.close()
