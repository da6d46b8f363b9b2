"""Where a database's files are, and where its socket is: places the server's account can reach.

As root, under a home directory only root may enter, the server's account cannot reach the data
directory asked for. The files then live elsewhere and a note in that directory says where; no
directory that was there before is ever opened wider.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from contextlib import suppress
from pathlib import Path

from goaround.embedded import account as accounts
from goaround.embedded.account import Account
from goaround.embedded.errors import ServerError
from goaround.embedded.process import write_private

NOTE = "postgres.elsewhere"
_STATE = Path("/var/lib/goaround")  # where a system keeps what must survive a restart
_SOCKET_NAME = "/.s.PGSQL.5432"
_SOCKET_LIMIT_BYTES = 100  # the kernel's is 107, on other systems 103
_PLAIN = re.compile(r"[A-Za-z0-9_./-]+")  # in a URL and in a server setting alike


def known_home(root: Path) -> Path:
    """Return where the files are or would be, making nothing."""
    note = root / NOTE
    try:
        return Path(note.read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return root / "cluster"


def make_home(root: Path, account: Account | None, *, durable: bool) -> Path:
    """Make the directory of the files: in root, or elsewhere when the account cannot reach root.

    Raises:
        ServerError: what the note speaks of is gone, or there is no place to reach.
    """
    home = known_home(root)
    if (root / NOTE).exists() and not home.is_dir():
        if durable:
            raise ServerError(
                "postgres",
                f"its data was in {home}, as {root / NOTE} says, and that is gone",
                f"Bring it back, or remove {root / NOTE} to start empty.",
            )
        (root / NOTE).unlink()
        home = known_home(root)
    if account and home.parent == root and not account.reaches(root):
        if (home / "data").exists():
            raise _no_place(root, account, "its data is already there")
        home = _elsewhere(root, account, durable=durable)
    accounts.make_private(home, account)
    return home


def _elsewhere(root: Path, account: Account, *, durable: bool) -> Path:
    parent = _STATE if durable else Path(tempfile.gettempdir())
    try:
        if durable and not parent.exists():
            parent.mkdir()
            parent.chmod(0o711)  # ours and new: to pass through, not to look around
        home = Path(tempfile.mkdtemp(prefix="goaround-postgres-", dir=parent))
    except OSError as error:
        raise _no_place(root, account, f"{parent} cannot be written: {error.strerror}") from error
    if not account.reaches(parent):
        home.rmdir()
        raise _no_place(root, account, f"{account.name} cannot enter {parent} either")
    (home / "belongs-to").write_text(f"{root}\n", encoding="utf-8")
    write_private(root / NOTE, f"{home}\n")
    return home


def _no_place(root: Path, account: Account, why: str) -> ServerError:
    return ServerError(
        "postgres",
        f"runs as {account.name}, who cannot enter {root}, and {why}",
        "Choose a data directory that every user may pass through (such as /srv/goaround), "
        "or start as a plain user.",
    )


def remove_home(root: Path) -> None:
    """Remove the files, the socket's directory and the note, wherever they are."""
    home = known_home(root)
    for path in (socket_directory(home), home, root / NOTE):
        accounts.remove_tree(path)
    if home.parent == _STATE:
        with suppress(OSError):  # others' data is still in it
            _STATE.rmdir()


def socket_directory(home: Path) -> Path:
    """Return the socket's directory: in home, or a hashed one where that path will not do."""
    directory = home / "s"
    if _fits(directory):
        return directory
    digest = hashlib.sha256(str(home).encode()).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"goaround-{digest}"
    return short if _fits(short) else Path("/tmp") / short.name


def _fits(directory: Path) -> bool:
    path = f"{directory}{_SOCKET_NAME}"
    return len(path.encode()) <= _SOCKET_LIMIT_BYTES and bool(_PLAIN.fullmatch(path))
