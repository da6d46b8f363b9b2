"""What is answered when the orchestrator is asked; a refusal is an answer, and on record."""

import pytest

from goaround_schemas.phase import Phase
from tests.orchestrator.office import Office

P = Phase


async def running() -> Office:
    office = Office()
    await office.request(run_id="r-1", reason="faster")
    return office


async def test_a_run_is_shown_whole() -> None:
    office = await running()
    await office.bring_to("r-1", P.VERIFYING)
    data = (await office.ask("api.runs.get", run_id="r-1"))["data"]
    assert data["run"]["phase"] == "verifying"
    assert data["waiting_for"] == ["ask health"]
    assert [t["to"] for t in data["history"]] == ["preflight", "deploying", "verifying"]
    assert data["request_reason"] == "faster"
    listed = (await office.ask("api.runs.list", active=True))["data"]["runs"]
    assert [r["run_id"] for r in listed] == ["r-1"]


@pytest.mark.parametrize("subject", ["get", "abort", "approve", "resume", "promote", "rollback"])
async def test_an_unknown_run_is_said_to_be_unknown(subject: str) -> None:
    said = await Office().ask(f"api.runs.{subject}", run_id="r-9", actor="eve")
    assert said["ok"] is False
    assert said["error"] == "no run has the id 'r-9'; goaround runs lists them"


async def test_a_request_that_is_accepted_moves_the_run_and_says_where() -> None:
    office = await running()
    said = await office.ask("api.runs.abort", run_id="r-1", actor="eve", reason="wrong one")
    assert said["data"] == {"run_id": "r-1", "what": "run r-1 is aborted now"}
    assert (await office.ledger.history("r-1"))[-1].reason == "called off by eve: wrong one"


async def test_a_request_that_is_refused_is_on_record_and_moves_nothing() -> None:
    office = await running()
    before = await office.run("r-1")
    said = await office.ask("api.runs.promote", run_id="r-1", actor="eve")
    assert said["ok"] is False
    why = "run r-1 is preflight: only a run that is watching or held can be promoted"
    assert said["error"] == why
    last = (await office.ledger.history("r-1"))[-1]
    assert (last.from_, last.to, last.actor) == (P.PREFLIGHT, P.PREFLIGHT, "eve")
    assert last.reason == f"promote asked for by eve, refused: {why}"
    assert await office.run("r-1") == before


async def test_a_run_that_is_aborted_gives_its_place_to_the_next() -> None:
    office = await running()
    await office.request(run_id="r-2", version="3.0.0")
    await office.ask("api.runs.abort", run_id="r-1", actor="eve")
    assert (await office.run("r-2")).phase is P.PREFLIGHT


async def test_what_ran_before_is_adopted_once() -> None:
    office = Office()
    wish = {"service": "checkout", "environment": "prod", "version": "1.0.0", "actor": "eve"}
    for _ in range(2):
        said = await office.ask("api.services.adopt", **wish)
        assert said["data"]["what"] == "checkout 1.0.0 is on record in prod"
    (row,) = (await office.ask("api.services.list"))["data"]["running"]
    assert (row["version"], row["previous_version"], row["run_id"]) == ("1.0.0", None, None)
    await office.ask("api.services.adopt", **{**wish, "version": "1.1.0"})
    (row,) = (await office.ask("api.services.list"))["data"]["running"]
    assert (row["version"], row["previous_version"]) == ("1.1.0", "1.0.0")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"service": "basket"}, "no guide for basket"),
        ({"environment": "moon"}, "knows no environment 'moon', only prod"),
        ({"version": "--help"}, "version: String should match pattern"),
        ({"actor": "a\0"}, "actor: a NUL character is no text"),
    ],
)
async def test_adopting_nonsense_is_refused(change: dict[str, str], why: str) -> None:
    wish = {"service": "checkout", "environment": "prod", "version": "1.0.0", "actor": "eve"}
    said = await Office().ask("api.services.adopt", **{**wish, **change})
    assert (said["ok"], why in said["error"]) == (False, True)


async def test_nothing_is_adopted_under_a_run_that_is_under_way() -> None:
    office = await running()
    wish = {"service": "checkout", "environment": "prod", "version": "1.0.0", "actor": "eve"}
    said = await office.ask("api.services.adopt", **wish)
    assert said["error"] == "run r-1 is preflight there: wait until it has ended"


async def test_a_guide_is_checked_and_every_fault_is_a_line() -> None:
    office = Office()
    good = (await office.ask("api.guides.check", service="checkout"))["data"]
    assert (good["faults"], good["name"]) == ([], "checkout.yaml")
    bad = (await office.ask("api.guides.check", text="nope", name="a.yaml"))["data"]
    assert bad["faults"] == ["a.yaml:1:1: not a guide: nope", "a.yaml:2:1: nor here"]


@pytest.mark.parametrize("body", [b"!", b"[]", b'{"limit": 0}', b'{"before": "noon"}'])
async def test_a_question_that_is_none_gets_its_reason(body: bytes) -> None:
    reply = await Office().answers["api.runs.list"](body)
    assert b'"ok":false' in reply


async def test_a_plan_is_the_commands_that_a_run_would_send() -> None:
    office = Office()
    wish = {"service": "checkout", "environment": "prod", "version": "1.0.0", "actor": "eve"}
    await office.ask("api.services.adopt", **wish)
    asked = {"service": "checkout", "environment": "prod", "version": "2.0.0"}
    plan = (await office.ask("api.guides.plan", **asked))["data"]
    steps = [(x["phase"], x["what"], x["detail"]) for x in plan["lines"]]
    assert ("deploying", "step switch to 2.0.0", "./release 2.0.0") in steps
    assert ("if it must go around", "step back to previous", "./release 1.0.0") in steps
    assert plan["previous_version"] == "1.0.0"
    for wrong in ({"environment": "moon"}, {"service": "basket"}):
        assert (await office.ask("api.guides.plan", **{**asked, **wrong}))["ok"] is False
