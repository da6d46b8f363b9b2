"""The options that many commands share, each with the one sentence that explains it."""

from pathlib import Path
from typing import Annotated

import typer

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="The bus, nats://user:password@host:4222; without it GOAROUND_URL, "
        "else the local system of `goaround up`.",
        show_default=False,
    ),
]
Root = Annotated[
    Path | None,
    typer.Option(
        "--root",
        metavar="DIR",
        help="The local system's folder; without it GOAROUND_ROOT, "
        "else the nearest .goaround upwards.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Env = Annotated[str, typer.Option("--env", metavar="ENV", help="The environment.")]
MaybeEnv = Annotated[str | None, typer.Option("--env", metavar="ENV", help="The environment.")]
MaybeService = Annotated[str | None, typer.Option("--service", metavar="S", help="The service.")]
By = Annotated[
    str | None,
    typer.Option("--by", metavar="NAME", help="Who asks; without it, who you are on this machine."),
]
Reason = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Why; it goes on record.")
]
Service = Annotated[str, typer.Argument(metavar="SERVICE", show_default=False)]
Version = Annotated[str, typer.Argument(metavar="VERSION", show_default=False)]
Run = Annotated[str, typer.Argument(metavar="RUN", help="A run's id.", show_default=False)]
Wait = Annotated[bool, typer.Option("--wait", help="Follow it to its end; Ctrl-C detaches.")]
Timeout = Annotated[
    str | None,
    typer.Option("--timeout", metavar="TIME", help="Wait no longer than this (90s, 15m)."),
]
RunIdOption = Annotated[
    str | None,
    typer.Option("--run-id", metavar="ID", help="Your own id: the same id again is the same run."),
]
