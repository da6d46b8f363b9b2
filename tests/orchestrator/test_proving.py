"""What is answered about rehearsals and corrections: sent, listed, decided, or refused."""

import json
from datetime import timedelta
from typing import Any

import pytest

from goaround_orchestrator.forgetting import Retention, forgetting
from goaround_orchestrator.handlers import on_answer
from goaround_orchestrator.proofs import rehearsal_in
from goaround_orchestrator.proving import ProvingAnswers
from goaround_orchestrator.settings import OrchestratorSettings
from goaround_schemas.guide import Guide
from goaround_schemas.procedure import WorkInspect
from tests import builders as messages
from tests.orchestrator.builders import at, landing
from tests.orchestrator.office import Office

REHEARSE = {"server": "${env:SCRATCH_URL}", "smoke": [{"name": "reads", "run": ["./smoke"]}]}
WISH = {"service": "checkout", "environment": "prod", "version": "2.0.0", "actor": "eve"}
DAY = timedelta(days=1)


def guide(**migrations: Any) -> Guide:
    """A guide whose migrations can be rehearsed."""
    usual: dict[str, Any] = {
        "current": ("alembic", "current"),
        "apply": ("alembic", "-x", "of={version}", "upgrade", "head"),
        "revert": ("alembic", "downgrade", "{migration.before}"),
        "database": "${env:DATABASE_URL}",
        "database_env": "DATABASE_URL",
        "rehearse": REHEARSE,
    }
    document = messages.guide().model_dump(mode="json", exclude_unset=True)
    document["deploy"]["migrations"] = {**usual, **migrations}
    return Guide.model_validate(document)


class Bureau(Office):
    """An office that answers about rehearsals and corrections, too."""

    def __init__(self, guide_: Guide | None = None) -> None:
        super().__init__(guide_ or guide())
        proving = ProvingAnswers(self.ledger, self.shelf, self.clock)
        self.answers.update(proving.by_subject())

    async def commands(self) -> list[WorkInspect]:
        """What was sent to look at migrations."""
        await self.deliver()
        return [m for m in self.stream.messages if isinstance(m, WorkInspect)]

    async def propose(self, *ids: str, run_id: str = "r-1", **changes: Any) -> None:
        """Have a run propose these corrections, each of a field of its own."""
        given = [messages.correction(id=id_, field=f"of {id_}", **changes) for id_ in ids]
        async with self.ledger.unit() as unit:
            said = ("checkout", "prod", run_id, "checkout.yaml")
            await unit.proposed(*said, given, self.clock.now())

    async def decide(self, decision: str = "dismissed", **changes: str) -> dict[str, Any]:
        """Say what is to become of c-1."""
        usual = {"correction_id": "c-1", "decision": decision, "actor": "eve"}
        return await self.ask("api.corrections.decide", **{**usual, **changes})


async def test_a_rehearsal_is_ordered_from_the_guide_with_what_runs_as_the_version_before() -> None:
    bureau = Bureau()
    async with bureau.ledger.unit() as unit:
        await unit.land(landing("1.0.0"))
    said = await bureau.ask("api.rehearsals.start", **WISH)
    id_ = said["data"]["rehearsal_id"]
    assert id_.startswith("rehearsal-")
    assert said["data"]["within_s"] == 300
    (command,) = await bureau.commands()
    data = command.data
    assert (command.subject, data.run_id, data.rehearse) == (id_, id_, True)
    assert (data.version, data.previous_version) == ("2.0.0", "1.0.0")
    assert data.migrations.apply == ("alembic", "-x", "of=2.0.0", "upgrade", "head")
    assert data.migrations.revert == ("alembic", "downgrade", "{migration.before}")
    assert data.migrations.rehearse is not None
    assert [s.name for s in data.migrations.rehearse.smoke] == ["reads"]
    assert data.values["GOAROUND_RUN_ID"] == id_


async def test_each_rehearsal_that_is_asked_for_is_one_of_its_own() -> None:
    bureau = Bureau()
    said = [await bureau.ask("api.rehearsals.start", **WISH) for _ in range(2)]
    ids = {one["data"]["rehearsal_id"] for one in said}
    assert {command.data.run_id for command in await bureau.commands()} == ids
    assert len(ids) == 2


async def test_a_rehearsal_is_no_run_and_waits_for_none() -> None:
    bureau = Bureau()
    await bureau.request(run_id="r-1")
    assert (await bureau.ask("api.rehearsals.start", **WISH))["ok"] is True
    assert [r["run_id"] for r in (await bureau.ask("api.runs.list"))["data"]["runs"]] == ["r-1"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"service": "basket"}, "no guide for basket; there is one for checkout"),
        ({"environment": "moon"}, "knows no environment 'moon', only prod"),
        ({"version": "--help"}, "version: String should match pattern"),
        ({"actor": ""}, "actor: String should have at least 1 character"),
    ],
)
async def test_a_rehearsal_of_what_is_not_there_is_refused(
    change: dict[str, str], why: str
) -> None:
    bureau = Bureau()
    said = await bureau.ask("api.rehearsals.start", **{**WISH, **change})
    assert (said["ok"], why in said["error"]) == (False, True)
    assert await bureau.commands() == []


async def test_a_guide_that_does_not_say_where_to_rehearse_is_told_what_to_add() -> None:
    said = await Bureau(guide(rehearse=None)).ask("api.rehearsals.start", **WISH)
    assert "add to deploy.migrations rehearse: {server: '${env:" in said["error"]


async def test_a_guide_without_migrations_has_nothing_to_rehearse() -> None:
    document = guide().model_dump(mode="json", exclude_unset=True)
    del document["deploy"]["migrations"]
    said = await Bureau(Guide.model_validate(document)).ask("api.rehearsals.start", **WISH)
    assert said["error"] == "checkout.yaml has no deploy.migrations: there is nothing to rehearse"


async def test_a_template_without_a_value_is_refused_by_its_name() -> None:
    bureau = Bureau(guide(apply=("migrate", "{previous.version}", "{version}")))
    said = await bureau.ask("api.rehearsals.start", **WISH)
    assert said["error"].startswith("checkout.yaml, for 2.0.0 in prod: ")
    assert "previous.version" in said["error"]


async def test_rehearsals_are_listed_newest_first_and_one_by_its_id() -> None:
    bureau = Bureau()
    for n in range(3):
        result = messages.rehearsal(at=at(n))
        told = messages.deploy_inspected(run_id=f"rehearsal-{n}", rehearsal=result)
        async with bureau.ledger.unit() as unit:
            row = rehearsal_in(told)
            assert row is not None
            await unit.rehearsed(row)
    rows = (await bureau.ask("api.rehearsals.list", limit=2))["data"]["rehearsals"]
    assert [row["rehearsal_id"] for row in rows] == ["rehearsal-2", "rehearsal-1"]
    one = (await bureau.ask("api.rehearsals.list", rehearsal_id="rehearsal-0"))["data"]
    assert [row["result"]["outcome"] for row in one["rehearsals"]] == ["passed"]
    assert one["rehearsals"][0]["migrations"][0]["kind"] == "lossy"


async def test_what_the_deployer_says_of_a_rehearsal_is_listed_once_under_its_id() -> None:
    bureau = Bureau()
    asked = await bureau.ask("api.rehearsals.start", **WISH)
    id_ = asked["data"]["rehearsal_id"]
    told = messages.deploy_inspected(run_id=id_, outcome="errored", rehearsal=None)
    for _ in range(2):
        await on_answer(told, bureau.ledger, bureau.clock)
    (row,) = (await bureau.ask("api.rehearsals.list"))["data"]["rehearsals"]
    assert (row["rehearsal_id"], row["result"]["outcome"]) == (id_, "errored")
    assert (await bureau.ask("api.runs.list"))["data"]["runs"] == []


def test_whoever_asked_for_a_rehearsal_learns_also_why_there_is_none() -> None:
    untold = messages.deploy_inspected(
        run_id="rehearsal-1", outcome="errored", reason="alembic is not there", rehearsal=None
    )
    row = rehearsal_in(untold)
    assert row is not None
    assert (row.result.outcome, row.result.reason) == ("errored", "alembic is not there")
    assert row.result.at == untold.time
    unasked = messages.deploy_inspected(run_id="rehearsal-1", reason="1 is pending", rehearsal=None)
    row = rehearsal_in(unasked)
    assert row is not None
    assert row.result.reason == "not rehearsed: 1 is pending"


def test_an_inspection_in_a_run_without_a_rehearsal_tells_of_none() -> None:
    assert rehearsal_in(messages.deploy_inspected(run_id="r-1", rehearsal=None)) is None


async def test_corrections_are_open_until_somebody_decides() -> None:
    bureau = Bureau()
    await bureau.propose("c-1", "c-2")
    said = await bureau.decide("accepted", because="it was too tight")
    assert said["data"]["what"] == "correction c-1 is accepted"
    open_ = (await bureau.ask("api.corrections.list"))["data"]["corrections"]
    assert [row["correction"]["id"] for row in open_] == ["c-2"]
    (row,) = (await bureau.ask("api.corrections.list", state="accepted"))["data"]["corrections"]
    assert (row["actor"], row["because"]) == ("eve", "it was too tight")
    both = (await bureau.ask("api.corrections.list", state=None))["data"]["corrections"]
    assert len(both) == 2


async def test_the_same_decision_again_is_fine_and_another_one_is_refused_with_who_and_why() -> (
    None
):
    bureau = Bureau()
    await bureau.propose("c-1")
    assert (await bureau.decide("dismissed", because="it was the network"))["ok"] is True
    assert (await bureau.decide("dismissed", actor="bob"))["ok"] is True
    said = await bureau.decide("accepted", actor="bob")
    why = "correction c-1 was dismissed by eve on 2026-03-04: it was the network; that stays so"
    assert said["error"] == why


async def test_a_correction_that_nobody_knows_cannot_be_decided_on() -> None:
    said = await Bureau().decide(correction_id="c-9")
    assert said["error"] == (
        "no correction has the id 'c-9'; goaround guide corrections --state all lists them"
    )


async def test_a_decision_that_is_none_gets_its_reason() -> None:
    said = await Bureau().decide("perhaps")
    assert "decision: Input should be 'accepted' or 'dismissed'" in said["error"]


async def test_more_than_fits_into_a_reply_is_refused_with_how_many_do() -> None:
    bureau = Bureau()
    await bureau.propose(*(f"c-{n}" for n in range(5)), diff="é" * 150_000)
    said = await bureau.ask("api.corrections.list")
    assert said["error"] == (
        "5 corrections are too much for one answer: ask for 3 at most (--limit 3), "
        "or of one service"
    )
    fitting = await bureau.answers["api.corrections.list"](b'{"limit": 3}')
    assert len(json.loads(fitting)["data"]["corrections"]) == 3
    assert len(fitting) < 1024 * 1024


async def test_old_rehearsals_and_decided_corrections_are_forgotten_and_open_ones_stay() -> None:
    bureau = Bureau()
    await bureau.propose("c-1", "c-2")
    await bureau.decide()
    async with bureau.ledger.unit() as unit:
        row = rehearsal_in(messages.deploy_inspected(rehearsal=messages.rehearsal(at=at())))
        assert row is not None
        await unit.rehearsed(row)
    keep = Retention(rehearsals=400 * DAY, corrections=400 * DAY)
    for days, gone in ((399, 0), (2, 2)):
        bureau.clock.advance(days * DAY)
        counts = [n async for n in forgetting(bureau.ledger, bureau.clock, keep)]
        assert sum(counts) == gone
    assert list(bureau.ledger.kept.corrections) == ["c-2"]
    assert bureau.ledger.kept.rehearsals == {}


def test_rehearsals_and_decided_corrections_are_kept_for_400_days_unless_said_otherwise() -> None:
    needed = {"database_url": "postgresql://x", "guides_dir": ".", "nats_url": "nats://x"}
    keep = OrchestratorSettings.model_validate(needed).retention
    assert (keep.rehearsals, keep.corrections) == (400 * DAY, 400 * DAY)
    said = {**needed, "rehearsals_kept_days": 3, "corrections_kept_days": 4}
    keep = OrchestratorSettings.model_validate(said).retention
    assert (keep.rehearsals, keep.corrections) == (3 * DAY, 4 * DAY)
