"""Which system a client speaks to: the one named, else the one that runs below this folder.

It only looks. `goaround up` makes the folder; the passwords in it are for its owner's eyes.
"""

import os
from pathlib import Path
from urllib.parse import quote

from goaround.embedded import EmbeddedNats, ServerError
from goaround.errors import Unreachable

FOLDER = ".goaround"
URL_VARIABLE = "GOAROUND_URL"
ROOT_VARIABLE = "GOAROUND_ROOT"
OPERATOR = "operator"
ADMIN = "admin"


def root_of(root: Path | None = None) -> Path:
    """Return the folder of the local system: as said, else the nearest `.goaround` upwards.

    Where there is none yet, the one that would be made here.
    """
    said = root or (Path(found) if (found := os.environ.get(ROOT_VARIABLE)) else None)
    if said is not None:
        return said.expanduser().resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FOLDER).is_dir():
            return folder / FOLDER
    return here / FOLDER


def url_of(url: str | None = None, root: Path | None = None, *, user: str = OPERATOR) -> str:
    """Return the bus' URL with user and password: as said, by the environment, or the local one.

    The environment says it as GOAROUND_URL, or as services are told it: GOAROUND_NATS_URL, _USER
    and _PASSWORD.

    Raises:
        Unreachable: None is named, and no local system runs.
    """
    if url:
        return url
    if root is None and (found := os.environ.get(URL_VARIABLE) or _as_a_service()):
        return found
    return _local(root_of(root), user)


def _as_a_service() -> str | None:
    said = os.environ.get("GOAROUND_NATS_URL")
    user = os.environ.get("GOAROUND_NATS_USER")
    if not said or not user or "@" in said:
        return said
    password = quote(os.environ.get("GOAROUND_NATS_PASSWORD", ""), safe="")
    servers = (server.strip().partition("://") for server in said.split(","))
    return ",".join(f"{scheme}://{user}:{password}@{host}" for scheme, _, host in servers)


def _local(root: Path, user: str) -> str:
    nats = EmbeddedNats(root / "nats")
    if not nats.status().running:
        raise Unreachable(
            f"no local system runs in {root}; start one (goaround up), "
            f"or name a bus (--url or {URL_VARIABLE}=nats://user:password@host:4222)"
        )
    try:
        name, password = nats.credentials(user)
        where = nats.url
    except (ServerError, OSError) as error:
        raise Unreachable(f"the local system in {root} cannot be used: {error}") from error
    return where.replace("nats://", f"nats://{name}:{quote(password, safe='')}@")
