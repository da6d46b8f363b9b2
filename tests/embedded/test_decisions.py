"""What the embedded servers decide without starting anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from goaround.embedded import NatsUser
from goaround.embedded.errors import DidNotStart, advice_for
from goaround.embedded.natsconfig import authorization, is_subject, with_passwords
from goaround.embedded.place import socket_directory
from goaround.embedded.process import last_lines


@pytest.mark.parametrize(
    ("said", "helps"),
    [
        ('FATAL: could not write to file "pg_wal/xlogtemp.1": No space left on device', "disk is"),
        (
            "could not extend file: wrote only 4096 of 8192 bytes\nHINT:  Check free disk space.",
            "disk is",
        ),
        ("could not resize shared memory segment: No space left on device", "/dev/shm"),
        ("listen tcp 127.0.0.1:4222: bind: address already in use", "another port"),
        ('mkdir "/x": Read-only file system', "can be written"),
        ('could not open file "x": Permission denied', "may not use"),
        ("accept: too many open files", "ulimit"),
        ("PANIC:  could not locate a valid checkpoint record", "damaged"),
        ("something nobody foresaw", "Read the log"),
    ],
)
def test_each_known_fault_gets_its_own_advice(said: str, helps: str) -> None:
    assert helps in advice_for(said)


def test_a_server_that_did_not_start_shows_the_log_and_its_end(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text("".join(f"line {number}\n" for number in range(50)))
    error = DidNotStart("nats", "ended with code 1", log, last_lines(log))
    assert str(error).startswith("nats: ended with code 1. Read the log")
    assert f"The end of {log}:\n  line 38\n" in str(error)
    assert str(error).endswith("line 49")


def test_lines_from_before_a_start_are_not_its_fault(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text("old\n")
    before = log.stat().st_size
    with log.open("a") as file:
        file.write("new\n")
    assert last_lines(log, before) == "new"
    assert "cannot be read" in last_lines(tmp_path / "none")


@pytest.mark.parametrize("subject", ["a", "a.b", "a.*.c", "a.>", ">", "$JS.API.>", "_INBOX.x-1.>"])
def test_a_subject_is_tokens_with_dots_between(subject: str) -> None:
    assert is_subject(subject)


@pytest.mark.parametrize("text", ["", "a.", ".a", "a..b", "a b", "a.>.b", "a*", "a.b>", 'a"\n'])
def test_what_is_no_subject_is_refused_with_the_user_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"bus user u: .* is no subject"):
        NatsUser("u", publish_allow=(text,))


@pytest.mark.parametrize("name", ["", "a b", "a:b", "ä", "x" * 65])
def test_a_user_name_that_could_be_misread_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a name is"):
        NatsUser(name)


def test_no_subjects_means_none_and_never_all() -> None:
    (user,) = authorization([NatsUser("u")], {"u": "p"})["users"]
    assert user["permissions"]["publish"] == {"deny": [">"]}
    assert user["permissions"]["subscribe"] == {"deny": [">"]}


def test_known_passwords_stay_and_new_ones_differ() -> None:
    passwords = with_passwords([NatsUser("a"), NatsUser("b"), NatsUser("c")], {"a": "known"})
    assert passwords["a"] == "known"
    assert len(set(passwords.values())) == 3


@pytest.mark.parametrize("home", ["/srv/goaround", "/" + "long/" * 30, "/srv/a, b", "/srv/ü"])
def test_the_socket_path_always_fits_the_kernel_and_a_url(home: str) -> None:
    directory = str(socket_directory(Path(home)))
    assert len(directory) < 90
    assert directory.isascii()
    assert "," not in directory
    assert directory == str(socket_directory(Path(home)))
