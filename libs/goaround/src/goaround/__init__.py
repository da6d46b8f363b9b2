"""Ask for deployments, follow them, decide on them: the Python client of goaround.

    import goaround

    async with goaround.connect("nats://operator:secret@bus.internal:4222") as g:
        run = await g.deploy("checkout", "2.4.1", environment="prod", requested_by="ada")
        done = await run.finished()
        print(done.data.outcome, done.data.reason)

The distribution also holds the command line (`goaround --help`) and the embedded servers.
"""

from typing import TYPE_CHECKING, Any

from goaround.errors import BadRequest, Refused, Unreachable

if TYPE_CHECKING:
    from goaround.client import Goaround, connect
    from goaround.handle import RunHandle

__all__ = ["BadRequest", "Goaround", "Refused", "RunHandle", "Unreachable", "connect"]


def __getattr__(name: str) -> Any:
    # The bus takes most of a second to import; `goaround --help` and the servers do without.
    if name in ("Goaround", "connect"):
        from goaround import client

        return getattr(client, name)
    if name == "RunHandle":
        from goaround.handle import RunHandle

        return RunHandle
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
