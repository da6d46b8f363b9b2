"""Which account the database server runs as: Postgres refuses root, so root steps down.

Never creates an account and never loosens a permission: an account that cannot reach a place is
given another place (`place`), not a wider door.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from goaround.embedded.errors import ServerError

# Postgres' own account where the system has one; `nobody` exists everywhere.
_CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """A system account to step down to."""

    name: str
    uid: int
    gid: int

    def own(self, path: Path) -> None:
        """Make this account the owner of a path of ours; a symbolic link itself, not its target."""
        os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def reaches(self, directory: Path) -> bool:
        """Whether this account may enter the directory, asked of the system itself."""
        return run(["/bin/sh", "-c", 'cd -- "$1"', "sh", str(directory)], self).returncode == 0


def stepped_down() -> Account | None:
    """Return the account Postgres runs as when we are root, None when our own will do.

    Raises:
        ServerError: no account to step down to.
    """
    if os.geteuid() != 0:
        return None
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise ServerError(
        "postgres",
        f"refuses to run as root, and there is no account {' or '.join(_CANDIDATES)}",
        "Start as a plain user, or use a Postgres of your own by its URL.",
    )


def own_name() -> str:
    """Return the name of the account we run as: what peer authentication sees of us.

    Raises:
        ServerError: our user id has no name.
    """
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise ServerError(
            "postgres",
            f"the user id {os.geteuid()} has no entry in the password database",
            "Start as a user that has one (in a container, name an existing user).",
        ) from None


def environment() -> dict[str, str]:
    """Return what a server's program sees: none of the caller's PG* variables, a fixed locale."""
    kept = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | {
        "LC_ALL": "C",
        "TZ": "UTC",
    }


def run(
    command: list[str], account: Account | None, *, stdin: str = "", timeout_s: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, as the account when there is one; its exit code is the caller's."""
    try:
        return subprocess.run(
            command,
            input=stdin,
            text=True,
            errors="replace",
            capture_output=True,
            cwd="/",
            env=environment(),
            timeout=timeout_s,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ServerError(
            Path(command[0]).name,
            f"{' '.join(command)} did not end in {timeout_s:.0f} s",
            "See whether the machine or its disk is overloaded, and try again.",
        ) from error


def give_tree(account: Account, root: Path) -> None:
    """Make the account the owner of everything under a tree of ours."""
    account.own(root)
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            account.own(Path(folder) / name)


def make_private(directory: Path, account: Account | None) -> None:
    """Make a directory that only the account (or we) can enter; an existing one becomes that.

    Raises:
        ServerError: something of someone else is in its place.
    """
    owners = {os.geteuid()} | ({account.uid} if account else set[int]())
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.lstat()
    if not directory.is_dir() or directory.is_symlink() or found.st_uid not in owners:
        raise ServerError(
            "postgres",
            f"{directory} belongs to the user id {found.st_uid}, not to us",
            "Start as that user, or choose another data directory.",
        )
    if found.st_mode & 0o777 != 0o700:
        directory.chmod(0o700)
    if account:
        account.own(directory)


def remove_tree(path: Path) -> None:
    """Remove a file or tree of ours; nothing there is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
