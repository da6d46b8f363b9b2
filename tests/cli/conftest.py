"""Commands run in this process, which is fifteen times as fast as one of their own."""

from collections.abc import Callable, Iterator
from subprocess import CompletedProcess

import pytest

from goaround.cli import main
from tests.cli.archive import Archive, answering

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


@pytest.fixture
def archive() -> Archive:
    """Evidence on record, for a responder to answer from."""
    return Archive()


@pytest.fixture
def url(archive: Archive, fresh_nats_url: str) -> Iterator[str]:
    """A bus on which somebody answers for the archive."""
    with answering(archive, fresh_nats_url):
        yield fresh_nats_url
