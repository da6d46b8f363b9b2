"""The files of a database cluster: made once, whole or not at all, and who may connect to it.

Never touches a cluster of another major version: it names the way out instead.
"""

from __future__ import annotations

from pathlib import Path

from goaround.embedded import account as accounts
from goaround.embedded.account import Account
from goaround.embedded.binary import POSTGRES_VARIABLE, PostgresPrograms
from goaround.embedded.errors import OtherVersion, ServerError, advice_for

ROLE = "app"
DATA = "data"


def write_access(home: Path, account: Account | None) -> None:
    """Let in the account we run as and the server's own, and nobody else; anew at each start."""
    names = {accounts.own_name()} | ({account.name} if account else set[str]())
    files = {
        "pg_hba.conf": f"local all {ROLE} peer map=goaround\n",
        "pg_ident.conf": "".join(f'goaround "{name}" {ROLE}\n' for name in sorted(names)),
    }
    for name, text in files.items():
        path = home / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
        if account:
            account.own(path)


def make_cluster(
    home: Path, account: Account | None, programs: PostgresPrograms, *, durable: bool
) -> None:
    """Make the cluster where there is none; one half made by a killed launcher is made anew.

    Raises:
        OtherVersion: there is one, of another major version.
        ServerError: making it failed.
    """
    data, unfinished = home / DATA, home / f"{DATA}.tmp"
    version = data / "PG_VERSION"
    if version.exists():
        _refuse_other(data, version.read_text(encoding="ascii").strip(), programs)
        return
    accounts.remove_tree(unfinished)
    command = [programs.path("initdb"), "-D", str(unfinished), "-U", ROLE, "-A", "peer"]
    command += ["-E", "UTF8", "--locale=C", "--data-checksums"]
    answer = accounts.run(command if durable else [*command, "--no-sync"], account)
    if answer.returncode != 0:
        accounts.remove_tree(unfinished)
        said = (answer.stderr or answer.stdout).strip()
        raise ServerError("postgres", f"making {data} failed: {said}", advice_for(said))
    unfinished.rename(data)


def _refuse_other(data: Path, major: str, programs: PostgresPrograms) -> None:
    if major != programs.major:
        raise OtherVersion(
            "postgres",
            f"{data} was made by PostgreSQL {major}, "
            f"and {programs.directory} holds PostgreSQL {programs.major}",
            f"Set {POSTGRES_VARIABLE} to the programs of {major}; to move on, dump with those "
            f"(pg_dumpall), move {data} away, start, and load the dump.",
        )
