"""Commands run in this process, which is fifteen times as fast as one of their own."""

from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

from goaround.cli import main

Command = Callable[..., CompletedProcess[str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `goaround` with these words, without a terminal."""

    def run(*words: str) -> CompletedProcess[str]:
        capsys.readouterr()
        code = main(words)
        said = capsys.readouterr()
        return CompletedProcess(words, code, said.out, said.err)

    return run
