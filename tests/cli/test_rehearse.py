"""`goaround rehearse` and `goaround rehearsals`: asked, waited for, shown, and the exit code."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from goaround_schemas.procedure import PendingMigration
from goaround_schemas.proving import RehearsalRow
from tests import builders
from tests.builders import at
from tests.cli.bureau import Bureau, answering
from tests.cli.conftest import Command

ASKED = ("rehearse", "checkout", "2.0.0", "--env", "prod", "--by", "ada")


@pytest.fixture
def bureau() -> Bureau:
    return Bureau()


@pytest.fixture
def url(bureau: Bureau, fresh_nats_url: str) -> Iterator[tuple[str, str]]:
    with answering(bureau, fresh_nats_url):
        yield ("--url", fresh_nats_url)


def migration(revision: str = "b2c3", **changes: Any) -> PendingMigration:
    usual: dict[str, Any] = {
        "revision": revision,
        "name": "add note",
        "kind": "additive",
        "fit": "compatible",
        "way_back": "reversible",
    }
    return PendingMigration.model_validate({**usual, **changes})


def row(id_: str, **changes: Any) -> RehearsalRow:
    usual = {"service": "checkout", "environment": "prod", "version": "2.0.0"}
    return RehearsalRow.model_validate({"rehearsal_id": id_, **usual, **changes})


def test_one_that_passed_is_shown_with_its_migrations_and_times_and_leaves_with_0(
    command: Command, bureau: Bureau, url: tuple[str, str]
) -> None:
    bureau.result = builders.rehearsal(up_s=0.4, down_s=0.3, again_s=0.5, seconds=12.0)
    blocks = "ALTER TABLE orders locks out readers while it is read through"
    bureau.migrations = (migration(), migration("c3d4", kind="lossy", locks=(blocks,)))
    done = command(*ASKED, *url)
    assert done.returncode == 0, done.stderr
    assert bureau.started[0].actor == "ada"
    lines = done.stdout.splitlines()
    assert lines[0].startswith("passed: checkout 2.0.0 in prod: up, down and up again")
    assert lines[1].split() == ["REVISION", "NAME", "CLASS", "FIT", "WAY", "BACK", "LOCKS"]
    assert "additive  compatible  reversible  none that lasts" in lines[2]
    assert lines[3].startswith("c3d4")
    assert lines[3].endswith(blocks)
    assert "up 400ms, down 300ms, up again 500ms; 12s altogether on a copy made by pg_dump" in lines
    assert "2.4.0 still writes orders" in done.stdout
    assert done.stderr.startswith("rehearsal rehearsal-")


def test_one_that_failed_says_what_the_way_back_left_and_leaves_with_20(
    command: Command, bureau: Bureau, url: tuple[str, str]
) -> None:
    why = "the schema after the way back is not the one of before"
    bureau.result = builders.rehearsal(
        outcome="failed", reason=why, again_s=None, difference=("index orders_by_day is gone",)
    )
    bureau.migrations = (
        migration(
            kind="lossy",
            reasons=("line 4 drops carts",),
            way_back="irreversible",
            way_back_reasons=("nothing makes carts again",),
            point_of_no_return="line 4: drop table carts",
        ),
    )
    done = command(*ASKED, *url)
    assert done.returncode == 20
    assert f"failed: checkout 2.0.0 in prod: {why}" in done.stdout
    assert "the way back left different: index orders_by_day is gone" in done.stdout
    lines = done.stdout.splitlines()
    assert "b2c3 is lossy: line 4 drops carts" in lines
    assert "point of no return: b2c3, line 4: drop table carts" in lines
    assert "the way back of b2c3 is irreversible: nothing makes carts again" in lines
    assert "up again" not in done.stdout.splitlines()[-2]


def test_one_that_nobody_could_tell_leaves_with_21(
    command: Command, bureau: Bureau, url: tuple[str, str]
) -> None:
    nothing: dict[str, Any] = {"up_s": None, "down_s": None, "again_s": None, "smoke": ()}
    why = "alembic is not on the deployer's path"
    bureau.result = builders.rehearsal(outcome="errored", reason=why, copied_by=None, **nothing)
    done = command(*ASKED, *url)
    assert (done.returncode, done.stdout) == (21, f"errored: checkout 2.0.0 in prod: {why}\n")


def test_as_json_it_is_the_whole_row(
    command: Command, bureau: Bureau, url: tuple[str, str]
) -> None:
    bureau.result = builders.rehearsal()
    bureau.migrations = (migration(),)
    done = command(*ASKED, "--json", *url)
    said = json.loads(done.stdout)
    assert said["result"]["outcome"] == "passed"
    assert [m["revision"] for m in said["migrations"]] == ["b2c3"]
    assert done.stderr == f"rehearsal {said['rehearsal_id']}\n"


def test_without_waiting_its_id_is_printed_and_nobody_looks(
    command: Command, bureau: Bureau, url: tuple[str, str]
) -> None:
    done = command(*ASKED, "--no-wait", *url)
    assert done.returncode == 0
    assert done.stdout.startswith("rehearsal-")
    assert (len(bureau.started), bureau.looks) == (1, 0)
    said = json.loads(command(*ASKED, "--no-wait", "--json", *url).stdout)
    assert said["rehearsal_id"].startswith("rehearsal-")


def test_without_a_result_in_time_it_leaves_with_124_and_says_where_one_would_be(
    command: Command, url: tuple[str, str]
) -> None:
    done = command(*ASKED, "--timeout", "300ms", *url)
    assert done.returncode == 124
    assert "in 0.3 s; it may still come: goaround rehearsals --service checkout" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("rehearse", "basket", "1", "--env", "prod"), 1, "no guide for basket"),
        (("rehearse", "checkout", "1", "--env", "moon"), 1, "no environment 'moon', only prod"),
        (("rehearse", "Check Out", "1", "--env", "prod"), 2, "service: "),
        (("rehearse", "checkout", "1", "--env", "prod", "--timeout", "soon"), 2, "--timeout"),
    ],
)
def test_what_cannot_be_rehearsed_is_refused_in_one_line(
    command: Command, url: tuple[str, str], words: tuple[str, ...], code: int, why: str
) -> None:
    done = command(*words, *url)
    assert (done.returncode, done.stdout) == (code, "")
    assert why in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_a_system_it_leaves_with_3(command: Command) -> None:
    done = command(*ASKED, "--url", "nats://127.0.0.1:1")
    assert done.returncode == 3


def test_rehearsals_are_listed_newest_first_by_their_conditions(
    command: Command, bureau: Bureau, url: tuple[str, str]
) -> None:
    failed = {"outcome": "failed", "reason": "the way back is missing", "seconds": 3.0}
    bureau.keep(
        [
            row("r-1", result=builders.rehearsal(at=at(1))),
            row(
                "rehearsal-2", environment="staging", result=builders.rehearsal(at=at(2), **failed)
            ),
        ]
    )
    done = command("rehearsals", *url)
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "REHEARSAL",
        "rehearsal-2",
        "r-1",
    ]
    assert "checkout 2.0.0" in done.stdout
    assert "failed   the way back is missing" in done.stdout
    some = json.loads(command("rehearsals", "--env", "prod", "--json", *url).stdout)
    assert [row["rehearsal_id"] for row in some] == ["r-1"]
    assert "--limit shows more" in command("rehearsals", "--limit", "1", *url).stderr


def test_where_there_are_no_rehearsals_it_says_so(command: Command, url: tuple[str, str]) -> None:
    assert command("rehearsals", *url).stderr == "no rehearsals yet\n"
    assert command("rehearsals", "--service", "x", *url).stderr == "no rehearsals like that\n"
