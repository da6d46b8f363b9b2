"""What the orchestrator answers to who looks after the system."""

from datetime import timedelta
from typing import Any

import pytest

from goaround_chassis.testing import ManualClock
from goaround_orchestrator.condition import ConditionAnswers, why_stuck
from goaround_orchestrator.ledger import Away, Condition
from goaround_orchestrator.memory import MemoryLedger
from goaround_orchestrator.run import Order, Pending, Run, What
from goaround_orchestrator.sweeper import LastLook
from goaround_schemas import api
from goaround_schemas.phase import Phase
from tests import builders as messages
from tests.orchestrator import builders as build
from tests.orchestrator.builders import at
from tests.orchestrator.office import Office


def waiting(what: What, sent: int, **changes: Any) -> Run:
    """A run that has asked so often for an answer."""
    order = Order(what=what)
    pending = (Pending(order=order, id="c-1", sent_at=at(0), sent=sent),)
    return build.run(**{"phase": Phase.VERIFYING, "pending": pending, **changes})


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (build.run(phase=Phase.VERIFYING, deadline=at(1000), due_at=at(1000)), None),
        (build.run(phase=Phase.VERIFYING, deadline=at(940), due_at=at(940)), None),
        (
            build.run(phase=Phase.VERIFYING, deadline=at(900), due_at=at(900)),
            "1m40s past its deadline, and nobody has acted on it",
        ),
        (
            build.run(phase=Phase.PREFLIGHT, deadline=at(2000), due_at=at(880)),
            "should have been looked at 2m ago",
        ),
        (waiting(What.ASK_HEALTH, 4), None),
        (waiting(What.ASK_HEALTH, 5), "no answer to: ask health, asked for 5 times"),
        (waiting(What.RECORD, 7, phase=Phase.RECORDING), "no answer to: record, asked for 7 times"),
        # These take as long as the guide gives them.
        (waiting(What.DEPLOY, 9, phase=Phase.DEPLOYING), None),
        (waiting(What.ROLL_BACK, 9, phase=Phase.ROLLING_BACK), None),
        (waiting(What.WATCH, 99, phase=Phase.WATCHING), None),
        (build.run(phase=Phase.HELD, deadline=at(5000)), None),
    ],
)
def test_a_run_is_stuck_if_its_time_has_passed_or_nobody_answers(run: Run, why: str | None) -> None:
    assert why_stuck(run, at(1000)) == why


async def test_a_run_on_its_way_is_counted_and_not_stuck() -> None:
    office = Office(messages.guide(watch=messages.watch()))
    await office.request(run_id="r-1")
    await office.sweep()
    office.last_look.at = office.clock.now()
    said = (await office.ask("api.system.status"))["data"]
    found = api.SystemStatus.model_validate(said)
    assert (found.at, found.swept_at, found.sweep_every_s) == (
        office.clock.now(),
        office.clock.now(),
        0.5,
    )
    assert found.database is not None
    assert dict(found.database.live) == {Phase.PREFLIGHT: 1}
    assert found.database.outbox_waiting == 4
    assert found.database.stuck == ()


async def test_a_run_that_no_sweep_moves_is_named_with_its_reason() -> None:
    office = Office(messages.guide(watch=messages.watch()))
    await office.request(run_id="r-1")
    office.clock.advance(timedelta(days=1))
    said = (await office.ask("api.system.status"))["data"]
    (stuck,) = said["database"]["stuck"]
    assert (stuck["run_id"], stuck["service"], stuck["phase"]) == ("r-1", "checkout", "preflight")
    assert "past its deadline" in stuck["why"]
    assert said["database"]["outbox_oldest_s"] >= 86_400
    await office.sweep()
    said = (await office.ask("api.system.status"))["data"]
    assert said["database"]["stuck"] == []


class Gone(MemoryLedger):
    """A database that does not answer."""

    async def condition(self) -> Condition:
        raise Away("the database does not answer: no route")


async def test_a_database_that_is_away_is_an_answer() -> None:
    clock = ManualClock(at())
    answers = ConditionAnswers(Gone(clock), clock, LastLook()).by_subject()
    reply = api.Reply[api.SystemStatus].model_validate_json(await answers[api.SYSTEM_STATUS](b""))
    assert reply.ok
    assert reply.data is not None
    assert reply.data.database is None
    assert reply.data.database_error == "the database does not answer: no route"
    assert reply.data.swept_at is None
