"""Whoever else was under way is named where a watch went badly, and changes no verdict."""

from dataclasses import replace
from typing import Any

import pytest

from goaround_orchestrator.handlers import on_answer
from goaround_orchestrator.lifecycle import Answered, Neighbour, decide
from goaround_orchestrator.run import Run
from goaround_schemas.outcome import DeployFinished
from goaround_schemas.phase import Phase
from tests import builders as messages
from tests.orchestrator import builders as build
from tests.orchestrator.office import Office

P = Phase
PAYMENTS = Neighbour("r-77", "deploy", "payments", "3.1", P.WATCHING)
SENTENCE = (
    "While it was watched, payments 3.1 was being deployed in prod as well "
    "(run r-77, watching): it may be to blame."
)


def beside(answer: Answered, *neighbours: Neighbour) -> Answered:
    return replace(answer, neighbours=neighbours)


@pytest.mark.parametrize("action", ["rollback", "hold", "accept"])
def test_a_neighbour_is_named_and_the_run_goes_the_same_way(action: str) -> None:
    run = build.in_phase(P.WATCHING)
    answer = build.judged(run, action)
    alone = decide(run, answer, build.at(9))
    named = decide(run, beside(answer, PAYMENTS), build.at(9))
    assert named.run.warnings == (SENTENCE,)
    assert named.run.model_copy(update={"warnings": ()}) == alone.run
    assert (named.moves, named.orders) == (alone.moves, alone.orders)


def test_each_is_named_once_however_often_it_is_found_at_the_same_place() -> None:
    run = build.in_phase(P.WATCHING)
    held = decide(run, beside(build.judged(run, "hold"), PAYMENTS), build.at(9)).run
    again = decide(held, build.asked("resume"), build.at(10)).run
    rolled_back = replace(PAYMENTS, phase=P.ROLLED_BACK)
    for neighbour in (PAYMENTS, rolled_back):
        red = decide(again, beside(build.judged(again, "rollback"), neighbour), build.at(11)).run
        assert len(red.warnings) == (1 if neighbour is PAYMENTS else 2)
    assert red.warnings[-1].endswith("(run r-77, rolled back): it may be to blame.")


def test_a_rollback_beside_it_is_called_one() -> None:
    run = build.in_phase(P.WATCHING)
    back = Neighbour("b-1", "rollback", "payments", None, P.VERIFYING_ROLLBACK)
    step = decide(run, beside(build.judged(run, "rollback"), back), build.at(9))
    (said,) = step.run.warnings
    assert "payments was being rolled back in prod as well (run b-1, verifying rollback)" in said


def test_no_more_than_five_are_named() -> None:
    run = build.in_phase(P.WATCHING)
    many = (replace(PAYMENTS, run_id=f"r-{n}") for n in range(9))
    step = decide(run, beside(build.judged(run, "rollback"), *many), build.at(9))
    assert [w.split("run r-")[1][0] for w in step.run.warnings] == list("01234")


def test_a_verdict_that_nobody_waits_for_names_nobody() -> None:
    watching = build.in_phase(P.WATCHING)
    late = beside(build.judged(watching, "rollback"), PAYMENTS)
    verifying = build.in_phase(P.VERIFYING)
    assert decide(verifying, late, build.at(9)).run == verifying


async def _judged(office: Office, action: str, **changes: Any) -> Run:
    run = await office.run("r-1")
    await on_answer(build.judged(run, action, **changes).event, office.ledger, office.clock)
    return await office.run("r-1")


async def _watching(*others: Run) -> Office:
    office = Office(messages.guide(watch=messages.watch()))
    await office.request(run_id="r-1")
    await office.bring_to("r-1", P.WATCHING)
    async with office.ledger.unit() as unit:
        for other in others:
            assert await unit.add(other)
    return office


def payments(**changes: Any) -> Run:
    usual: dict[str, Any] = {"service": "payments", "version": "3.1", "phase_since": build.at(2)}
    return build.run(id="r-77", **{**usual, **changes})


@pytest.mark.parametrize(("action", "named"), [("rollback", 1), ("hold", 1), ("accept", 0)])
async def test_the_ledger_is_asked_for_neighbours_of_what_is_not_green(
    action: str, named: int
) -> None:
    office = await _watching(payments(phase=P.WATCHING))
    run = await _judged(office, action)
    assert run.warnings == (SENTENCE,) * named


async def test_what_ended_before_the_switch_is_not_named() -> None:
    long_ago = build.at(-4000)
    office = await _watching(payments(phase=P.SUCCEEDED, phase_since=long_ago))
    assert (await _judged(office, "rollback")).warnings == ()


async def test_what_may_be_to_blame_is_told_with_the_outcome() -> None:
    office = await _watching(payments(phase=P.DEPLOYING))
    await _judged(office, "rollback")
    await office.bring_to("r-1", P.ROLLED_BACK, P.ROLLBACK_FAILED)
    await office.deliver()
    (finished,) = [m for m in office.stream.messages if isinstance(m, DeployFinished)]
    assert any("payments 3.1 was being deployed" in said for said in finished.data.warnings)
