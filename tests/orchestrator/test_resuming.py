"""A way back that failed: what is known of it, what a person could do, and going on with it."""

from goaround_orchestrator.run import What
from goaround_schemas.outcome import DeployFinished
from goaround_schemas.phase import Phase
from goaround_schemas.procedure import WorkRollback
from tests import builders as messages
from tests.orchestrator import builders as build
from tests.orchestrator.office import Office


async def stranded(run_id: str = "r-1") -> Office:
    """An office whose run went around, and whose way back failed at its one step."""
    office = Office()
    await office.ask(
        "api.services.adopt", service="checkout", environment="prod", version="2.4.0", actor="ada"
    )
    await office.request(run_id=run_id)
    await office.bring_to(run_id, Phase.VERIFYING)
    await office.answer(run_id, What.ASK_HEALTH, good=False)
    await office.answer(run_id, What.ROLL_BACK, good=False)
    await office.bring_to(run_id, Phase.ROLLBACK_FAILED)
    await office.deliver()
    return office


def finished(office: Office, run_id: str) -> DeployFinished:
    (end,) = [
        m
        for m in office.stream.messages
        if isinstance(m, DeployFinished) and m.data.run_id == run_id
    ]
    return end


async def test_the_outcome_says_what_is_known_and_what_could_be_run_next() -> None:
    rollback = finished(await stranded(), "r-1").data.rollback
    assert rollback is not None
    assert any(said.startswith("deploy, switch: done") for said in rollback.known)
    assert any(said.startswith("rollback, switch: done") for said in rollback.known)
    assert rollback.next[-1] == "goaround resume r-1"
    assert any("./release 2.4.0" in said for said in rollback.next)


async def test_resumed_it_goes_on_as_a_rollback_of_its_own() -> None:
    office = await stranded()
    reply = await office.ask("api.runs.resume", run_id="r-1", actor="ada", reason="disk mended")
    assert reply["ok"], reply
    new = reply["data"]["run_id"]
    run = await office.run(new)
    assert (run.kind, run.resumes, run.phase) == ("rollback", "r-1", Phase.ROLLING_BACK)
    assert (run.version, run.previous_version) == ("2.4.1", "2.4.0")
    await office.deliver()
    (command,) = [
        m for m in office.stream.messages if isinstance(m, WorkRollback) and m.data.run_id == new
    ]
    assert command.data.resumes == "r-1"
    await office.bring_to(new, Phase.ROLLED_BACK)


async def test_resumed_twice_it_goes_on_once() -> None:
    office = await stranded()
    first = await office.ask("api.runs.resume", run_id="r-1", actor="ada")
    again = await office.ask("api.runs.resume", run_id="r-1", actor="eve")
    assert first["data"]["run_id"] == again["data"]["run_id"]
    assert len(office.ledger.kept.runs) == 2


async def test_once_something_runs_there_again_there_is_nothing_to_go_on_with() -> None:
    office = await stranded()
    await office.request(run_id="r-2", version="2.4.2", redeploy=True)
    await office.bring_to("r-2", Phase.SUCCEEDED)
    reply = await office.ask("api.runs.resume", run_id="r-1", actor="ada")
    assert not reply["ok"]
    assert "something has come to run in prod since" in reply["error"]


async def test_a_way_back_that_failed_again_is_gone_on_with_from_there() -> None:
    office = await stranded()
    new = (await office.ask("api.runs.resume", run_id="r-1", actor="ada"))["data"]["run_id"]
    await office.answer(new, What.ROLL_BACK, good=False)
    await office.bring_to(new, Phase.ROLLBACK_FAILED)
    refused = await office.ask("api.runs.resume", run_id="r-1", actor="ada")
    assert f"goaround resume {new}" in refused["error"]
    assert (await office.ask("api.runs.resume", run_id=new, actor="ada"))["ok"]


async def test_while_another_run_is_under_way_there_it_waits_for_a_person_to_ask_again() -> None:
    office = await stranded()
    await office.request(run_id="r-2", version="2.4.2")
    reply = await office.ask("api.runs.resume", run_id="r-1", actor="ada")
    assert not reply["ok"]
    assert "run r-2 is preflight there" in reply["error"]


async def test_a_guide_that_cannot_be_followed_is_said() -> None:
    office = await stranded()
    office.shelf.guide = messages.guide(service="another")
    reply = await office.ask("api.runs.resume", run_id="r-1", actor="ada")
    assert not reply["ok"]
    assert "no guide for checkout" in reply["error"]


def test_a_run_that_succeeded_has_nothing_of_the_kind() -> None:
    assert build.in_phase(Phase.SUCCEEDED).going is None
