"""What is told of pending migrations: each judged, all of it in one message, and the same twice."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from goaround_chassis.testing import ManualClock, RecordingPublisher
from goaround_deployer.inspecting import Inspector, on_inspect, on_uninspected
from goaround_deployer.inspection import MOST_BYTES, Found, inspected, judged, summary, within
from goaround_deployer.reach import ReachableSchemas
from goaround_deployer.steps.program import Programs
from goaround_deployer.steps.question import Questions
from goaround_migrating.tools import Script
from goaround_schemas.guide.step import Migrations
from goaround_schemas.procedure import (
    DeployInspected,
    DeployInspectedData,
    PendingMigration,
    RehearsalResult,
    WorkInspectData,
)
from tests import builders

WORKER = {"PATH": os.environ["PATH"], "DB": "postgresql://u:s3cret-word@127.0.0.1:1/shop"}


def told(up: str, down: str | None = None, **given: Any) -> PendingMigration:
    (pending,) = judged([Script(version="7", name="x", up=up, down=down, **given)], {})
    return pending


def test_each_migration_is_told_with_its_kind_its_fit_and_its_way_back() -> None:
    pending = told("CREATE TABLE a (id int);", "DROP TABLE a;")
    assert (pending.revision, pending.name, pending.kind) == ("7", "x", "additive")
    assert (pending.fit, pending.way_back) == ("compatible", "lossy")
    assert pending.way_back_reasons == ("line 1: drops table a with every row in it",)
    assert (pending.locks, pending.point_of_no_return) == ((), None)


def test_where_nothing_comes_back_is_told_with_its_line_and_statement() -> None:
    pending = told("CREATE TABLE a ();\nALTER TABLE b\n  DROP COLUMN note;\nDROP TABLE c;")
    assert (pending.kind, pending.fit, pending.way_back) == ("lossy", "contract", "none")
    assert pending.point_of_no_return == "line 2: ALTER TABLE b DROP COLUMN note"
    assert pending.reasons[0] == "line 2: drops column b.note with every value in it"


def test_who_is_locked_out_for_long_is_told_with_the_reason() -> None:
    (lock,) = told("CREATE TABLE b ();\nCREATE INDEX i ON a (id);").locks
    assert lock == (
        "line 2 locks out writers: the table is read through to build it; CREATE INDEX "
        "CONCURRENTLY lets others write (CREATE INDEX i ON a (id))"
    )


def test_a_way_back_that_nobody_tells_is_unknown_and_says_why() -> None:
    pending = told("CREATE TABLE a ();", down_untold="`alembic downgrade` ended with exit code 1")
    assert pending.way_back == "unknown"
    assert pending.way_back_reasons == ("`alembic downgrade` ended with exit code 1",)


def test_a_type_that_the_catalogue_knows_makes_a_change_of_it_known() -> None:
    script = Script(version="1", up="ALTER TABLE a ALTER b TYPE bigint")
    assert judged([script], {})[0].kind == "unknown"
    assert judged([script], {"a.b": "integer"})[0].kind == "reversible"


@pytest.mark.parametrize(
    ("ups", "said"),
    [
        ([], "nothing is pending at 3"),
        (["CREATE TABLE a ()"], "1 migration is pending at 3, and an additive one"),
        (["DROP TABLE a"], "1 migration is pending at 3, and a lossy one"),
        (["DROP TABLE a", "DO $$$$"], "2 migrations are pending at 3, the worst of them unknown"),
    ],
)
def test_what_is_pending_is_summed_up(ups: list[str], said: str) -> None:
    pending = judged([Script(version=str(n), up=up) for n, up in enumerate(ups)], {})
    assert summary("3", pending) == said


def many(count: int, statements: int) -> tuple[PendingMigration, ...]:
    reasons = tuple(f"line {n}: drops column orders.note_{n} with all values" for n in range(500))
    return tuple(
        PendingMigration(
            revision=f"{number:05}",
            kind="lossy" if number % 2 else "additive",
            reasons=reasons[:statements],
            fit="contract",
            way_back="lossy",
            way_back_reasons=reasons[:statements],
        )
        for number in range(count)
    )


def size_of(pending: tuple[PendingMigration, ...]) -> int:
    rehearsal = RehearsalResult(
        outcome="failed", reason="r" * 2000, at=ManualClock().now(), seconds=1.0,
        difference=("d" * 300,) * 60,
    )  # fmt: skip
    found = Found("r" * 4000, pending=pending, rehearsal=rehearsal)
    return len(inspected(builders.work_inspect(), found, ManualClock().now()).model_dump_json())


@pytest.mark.parametrize(("count", "statements"), [(1, 500), (40, 500), (400, 500), (1500, 3)])
def test_of_many_migrations_the_reasons_are_cut_and_none_is_left_out(
    count: int, statements: int
) -> None:
    pending = many(count, statements)
    kept, said = within(pending, MOST_BYTES)
    assert [p.revision for p in kept] == [p.revision for p in pending]
    assert [p.kind for p in kept] == [p.kind for p in pending]
    assert bool(said) == (count > 1)
    assert size_of(pending) < 600_000


def test_of_very_many_those_that_only_add_are_left_out_first() -> None:
    pending = many(5000, 1)
    kept, said = within(pending, MOST_BYTES)
    left = 5000 - len(kept)
    assert said == f"{left} of 5000 migrations, and all reasons, do not fit into a message"
    assert sum(p.kind == "lossy" for p in kept) == 2500
    assert [p.revision for p in kept] == sorted(p.revision for p in kept)
    assert size_of(pending) < 600_000


class Bench:
    """An inspector on real commands, and what it says."""

    def __init__(self) -> None:
        self.publisher = RecordingPublisher()
        programs = Programs(WORKER)
        self.inspector = Inspector(
            asking=lambda values: Questions(programs, WORKER, values),
            schemas=ReachableSchemas(programs, WORKER),
            rehearsals=Untried(),
            publisher=self.publisher,
            clock=ManualClock(),
        )

    async def answer(self, **given: Any) -> DeployInspectedData:
        data = {"current": ["echo", "1"], "apply": ["true"], **given}
        command = builders.work_inspect(migrations=Migrations.model_validate(data), rehearse=False)
        await on_inspect(command, self.inspector)
        return self.publisher.of(DeployInspected)[-1].data


class Untried:
    async def rehearse(self, data: WorkInspectData, /) -> RehearsalResult:
        raise AssertionError("nobody asked for a rehearsal")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "1_a.up.sql").write_text("CREATE TABLE a (id int);")
    (tmp_path / "2_b.up.sql").write_text("ALTER TABLE a DROP COLUMN id;")
    return tmp_path


async def test_what_is_pending_is_answered(folder: Path) -> None:
    data = await Bench().answer(files={"folder": str(folder)})
    assert (data.outcome, data.revision, data.judged) == ("done", "1", True)
    assert data.reason == "1 migration is pending at 1, and a lossy one"
    assert [p.revision for p in data.pending] == ["2"]
    assert (data.fingerprint, data.rehearsal) == (None, None)


async def test_a_database_that_cannot_be_looked_at_is_said_and_does_not_stop_it(
    folder: Path,
) -> None:
    data = await Bench().answer(files={"folder": str(folder)}, database="${env:DB}")
    assert data.outcome == "done"
    assert "a lossy one; the schema's fingerprint could not be taken: there is no" in data.reason
    assert "s3cret" not in data.reason


async def test_what_cannot_be_judged_is_said_to_be_unjudged() -> None:
    data = await Bench().answer()
    assert (data.outcome, data.judged, data.revision, data.pending) == ("done", False, "1", ())
    assert "the guide does not say how its SQL can be had" in data.reason


@pytest.mark.parametrize(
    ("given", "revision", "said"),
    [
        (
            {"current": ["sh", "-c", "echo ${SHELL:-no}; exit 3"]},
            None,
            "could not ask where the schema is: `sh -c echo $",
        ),
        ({"current": ["no-such"]}, None, "program 'no-such' was not found"),
        ({"files": {"folder": "/no/such"}}, "1", "what is pending at 1 is not known: /no/such: no"),
        ({"sql": ["false"]}, "1", "`false` ended with exit code 1, and printed nothing"),
    ],
)
async def test_what_a_tool_does_not_say_is_an_answer_and_no_exception(
    given: dict[str, Any], revision: str | None, said: str
) -> None:
    data = await Bench().answer(**given)
    assert (data.outcome, data.revision, data.pending) == ("errored", revision, ())
    assert said in data.reason


async def test_the_same_command_has_one_answer_however_often_it_comes(folder: Path) -> None:
    bench = Bench()
    command = builders.work_inspect(
        migrations=Migrations.model_validate(
            {"current": ["echo", "1"], "apply": ["true"], "files": {"folder": str(folder)}}
        ),
        rehearse=False,
    )
    await on_inspect(command, bench.inspector)
    (folder / "3_c.up.sql").write_text("SELECT 1;")
    await on_inspect(command, bench.inspector)
    await on_uninspected(command, "it killed three workers", bench.inspector)
    (first,) = bench.publisher.published
    assert (first.causationid, first.subject) == (command.id, command.data.run_id)


async def test_a_command_that_is_given_up_is_answered() -> None:
    bench = Bench()
    await on_uninspected(builders.work_inspect(), "it killed three workers", bench.inspector)
    (answer,) = bench.publisher.of(DeployInspected)
    assert answer.data.outcome == "errored"
    assert answer.data.reason == "the deployer gave this command up: it killed three workers"
