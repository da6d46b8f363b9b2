"""The command line: `goaround`. It asks and shows; the system decides and does."""

import contextlib
import io
import os
import sys
from collections.abc import Sequence

import typer

from goaround.cli import outcome
from goaround.cli.app import app
from goaround.cli.screen import PipeClosed
from goaround.cli.session import Failed, Usage, complain
from goaround.errors import Refused, Unreachable


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A character that the terminal does not know is no reason to fail.
            stream.reconfigure(errors="replace")
    try:
        code = app(args=arguments, prog_name="goaround", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        _usage(error)
        return error.exit_code
    except Usage as error:
        complain(str(error))
        return outcome.WRONG_USAGE
    except (Refused, Failed) as error:
        complain(str(error))
        return outcome.REFUSED
    except Unreachable as error:
        complain(error.why)
        return outcome.UNREACHABLE
    except (KeyboardInterrupt, typer.Abort):
        return outcome.INTERRUPTED
    except (PipeClosed, BrokenPipeError):
        _leave_pipe()
        return outcome.PIPE_CLOSED
    return code if isinstance(code, int) else outcome.DONE


def _usage(error: typer.TyperException) -> None:
    context: typer.Context | None = getattr(error, "ctx", None)
    where = context.command_path if context else "goaround"
    complain(f"{error.format_message()} ({where} --help)")


def _leave_pipe() -> None:
    """Have the interpreter's last flush go nowhere: the reader is gone."""
    with contextlib.suppress(OSError, io.UnsupportedOperation):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
