"""What every ledger promises of rehearsals and of corrections, asked of both kinds."""

import asyncio
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import asyncpg
import pytest

from goaround_orchestrator.proofs import MOST_COUNTED
from goaround_orchestrator.store import PostgresLedger
from goaround_orchestrator.store.remembered import Familiar, Pinned
from goaround_orchestrator.store.sql import queries
from goaround_orchestrator.store.transaction import Transaction
from goaround_orchestrator.store.unit import PostgresUnit
from goaround_schemas.outcome import GuideCorrection
from goaround_schemas.proving import (
    CorrectionDecision,
    CorrectionQuery,
    CorrectionRow,
    RehearsalQuery,
    RehearsalRow,
)
from tests import builders as messages
from tests.orchestrator.builders import at
from tests.orchestrator.conftest import Kept

WAIT_S = 10.0


class Crash(Exception):
    """The process dies here."""


def dying() -> AbstractContextManager[object, bool]:
    """The block ends with the crash that it is about."""
    return pytest.raises(Crash)


def rehearsal(id_: str = "rehearsal-1", when: float = 0, **changes: Any) -> RehearsalRow:
    """A rehearsal of checkout 2.0.0 in prod at this second."""
    result = messages.rehearsal(at=at(when), **changes.pop("result", {}))
    usual: dict[str, Any] = {
        "rehearsal_id": id_,
        "service": "checkout",
        "environment": "prod",
        "version": "2.0.0",
        "result": result,
        "migrations": (messages.pending_migration(),),
    }
    return RehearsalRow(**{**usual, **changes})


def correction(id_: str = "c-1", field: str = "watch.period", **changes: Any) -> GuideCorrection:
    """What a run would have the guide say."""
    return messages.correction(id=id_, field=field, **changes)


async def rehearse(kept: Kept, *rows: RehearsalRow) -> None:
    for row in rows:
        async with kept.ledger.unit() as unit:
            await unit.rehearsed(row)


async def propose(
    kept: Kept,
    *given: GuideCorrection,
    run_id: str = "r-1",
    when: float = 0,
    service: str = "checkout",
    environment: str = "prod",
) -> list[str]:
    """Return the ids of what is open after the run has proposed."""
    async with kept.ledger.unit() as unit:
        said = await unit.proposed(service, environment, run_id, f"{service}.yaml", given, at(when))
    return [one.id for one in said]


async def decide(
    kept: Kept, id_: str = "c-1", decision: str = "dismissed", when: float = 50, **changes: Any
) -> CorrectionRow | None:
    said = {"correction_id": id_, "decision": decision, "actor": "eve", "because": "I know better"}
    word = CorrectionDecision.model_validate({**said, **changes})
    async with kept.ledger.unit() as unit:
        return await unit.decide(word, at(when))


async def rehearsals(kept: Kept, **query: Any) -> list[str]:
    rows = await kept.ledger.rehearsals(RehearsalQuery.model_validate(query))
    return [row.rehearsal_id for row in rows]


async def corrections(kept: Kept, **query: Any) -> list[str]:
    rows = await kept.ledger.corrections(CorrectionQuery.model_validate(query))
    return [row.correction.id for row in rows]


async def correction_row(kept: Kept, id_: str = "c-1") -> CorrectionRow:
    (row,) = await kept.ledger.corrections(CorrectionQuery(correction_id=id_, state=None))
    return row


async def test_a_rehearsal_comes_back_as_it_was_kept(kept: Kept) -> None:
    row = rehearsal(result={"difference": ("index a is gone",), "reason": "1 índex \0 differs"})
    await rehearse(kept, row)
    assert await kept.ledger.rehearsals(RehearsalQuery(rehearsal_id="rehearsal-1")) == [row]
    assert await rehearsals(kept, rehearsal_id="rehearsal-none") == []


async def test_a_rehearsal_told_twice_is_kept_once_and_the_later_one_counts(kept: Kept) -> None:
    later = rehearsal(when=9, result={"outcome": "failed"})
    await rehearse(kept, rehearsal(when=5), later, rehearsal(when=7))
    assert await kept.ledger.rehearsals(RehearsalQuery()) == [later]


async def test_rehearsals_are_listed_newest_first_by_their_conditions(kept: Kept) -> None:
    await rehearse(
        kept,
        rehearsal("r-1", 3),
        rehearsal("r-2", 1, environment="staging"),
        rehearsal("r-3", 2, service="basket"),
        rehearsal("r-4", 3),
    )
    assert await rehearsals(kept) == ["r-4", "r-1", "r-3", "r-2"]
    assert await rehearsals(kept, service="checkout") == ["r-4", "r-1", "r-2"]
    assert await rehearsals(kept, service="checkout", environment="staging") == ["r-2"]
    assert await rehearsals(kept, environment="prod") == ["r-4", "r-1", "r-3"]
    assert await rehearsals(kept, rehearsal_id="r-3", service="checkout") == []
    assert await rehearsals(kept, limit=1) == ["r-4"]


async def test_the_last_rehearsal_of_a_place_is_the_newest_there_that_told_something(
    kept: Kept,
) -> None:
    newest = rehearsal("r-2", 5, result={"outcome": "failed"})
    elsewhere = rehearsal("r-3", 9, environment="staging")
    nothing = rehearsal("r-5", 5.5, result={"outcome": "errored", "reason": "a \0 in it"})
    await rehearse(kept, newest, rehearsal("r-1", 3), elsewhere, nothing)
    async with kept.ledger.unit() as unit:
        assert await unit.last_rehearsal("checkout", "prod") == newest
        assert await unit.last_rehearsal("basket", "prod") is None
        own = rehearsal("r-4", 6)
        await unit.rehearsed(own)
        assert await unit.last_rehearsal("checkout", "prod") == own


async def test_a_correction_comes_back_as_it_was_proposed_and_is_open(kept: Kept) -> None:
    given = correction(diff="@@ -1 +1 @@\n-a\n+b\n", runs=("r-1", "r-0"), effect="none is cut")
    assert await propose(kept, given, when=7) == ["c-1"]
    row = await correction_row(kept)
    assert row.correction == given
    assert (row.service, row.environment, row.guide_name) == ("checkout", "prod", "checkout.yaml")
    assert (row.run_id, row.at, row.times) == ("r-1", at(7), 1)
    assert (row.state, row.actor, row.because, row.decided_at) == ("open", None, None, None)


async def test_what_several_runs_propose_is_one_correction_in_the_words_of_the_last(
    kept: Kept,
) -> None:
    await propose(kept, correction(evidence="1 run"), run_id="r-1", when=1)
    newest = correction(evidence="2 runs")
    assert await propose(kept, newest, run_id="r-2", when=2) == ["c-1"]
    row = await correction_row(kept)
    assert (row.correction, row.run_id, row.at, row.times) == (newest, "r-2", at(2), 2)


async def test_a_run_counts_once_however_often_and_late_it_comes_again(kept: Kept) -> None:
    await propose(kept, correction(evidence="1 run"), run_id="r-1", when=1)
    await propose(kept, correction(evidence="2 runs"), run_id="r-2", when=2)
    await propose(kept, correction(evidence="1 run"), run_id="r-1", when=1)
    await propose(kept, correction(evidence="2 runs"), run_id="r-2", when=2)
    row = await correction_row(kept)
    assert (row.correction.evidence, row.run_id, row.times) == ("2 runs", "r-2", 2)


async def test_the_runs_that_were_counted_are_remembered_in_a_bounded_number(kept: Kept) -> None:
    async with kept.ledger.unit() as unit:
        for n in range(MOST_COUNTED + 2):
            said = ("checkout", "prod", f"r-{n}", "checkout.yaml", (correction(),))
            await unit.proposed(*said, at(n))
    for n in (MOST_COUNTED + 1, 2):
        await propose(kept, correction(), run_id=f"r-{n}", when=n)
    assert (await correction_row(kept)).times == MOST_COUNTED + 2
    await propose(kept, correction(), run_id="r-0")
    assert (await correction_row(kept)).times == MOST_COUNTED + 3


@pytest.mark.parametrize("decision", ["accepted", "dismissed"])
async def test_what_was_decided_on_is_not_told_again_and_keeps_its_words(
    kept: Kept, decision: str
) -> None:
    await propose(kept, correction(evidence="1 run"), correction("c-2", "verify"), when=1)
    decided = await decide(kept, decision=decision)
    assert decided is not None
    assert (decided.state, decided.actor, decided.decided_at) == (decision, "eve", at(50))
    assert decided.because == "I know better"
    again = (correction(evidence="2 runs"), correction("c-2", "verify"))
    assert await propose(kept, *again, run_id="r-2", when=60) == ["c-2"]
    row = await correction_row(kept)
    assert (row.correction.evidence, row.state) == ("1 run", decision)
    assert (row.run_id, row.at, row.times) == ("r-2", at(60), 2)


async def test_the_first_word_on_a_correction_stays(kept: Kept) -> None:
    await propose(kept, correction())
    await decide(kept, decision="accepted", when=50)
    second = await decide(kept, decision="dismissed", when=60, actor="bob")
    assert second is not None
    assert (second.state, second.actor, second.decided_at) == ("accepted", "eve", at(50))


async def test_a_correction_that_nobody_knows_cannot_be_decided_on(kept: Kept) -> None:
    assert await decide(kept, "c-none") is None


async def test_of_two_who_decide_at_once_one_is_first_and_both_see_who(kept: Kept) -> None:
    await propose(kept, correction())
    async with asyncio.timeout(WAIT_S):
        rows = await asyncio.gather(
            decide(kept, decision="accepted"), decide(kept, decision="dismissed", actor="bob")
        )
    states = {row.state for row in rows if row}
    assert states == {(await correction_row(kept)).state}


async def test_two_runs_that_propose_at_once_are_both_counted(kept: Kept) -> None:
    given = [correction(f"c-{n}", f"field-{n}") for n in range(20)]
    async with asyncio.timeout(WAIT_S):
        await asyncio.gather(
            propose(kept, *given, run_id="r-1", when=1),
            propose(kept, *given[::-1], run_id="r-2", when=2),
        )
    rows = await kept.ledger.corrections(CorrectionQuery())
    assert [row.times for row in rows] == [2] * 20


async def test_a_later_word_on_the_same_field_takes_the_place_of_what_is_open(kept: Kept) -> None:
    await propose(kept, correction("c-12s"), correction("c-other", "verify"), when=1)
    await propose(kept, correction("c-13s"), environment="staging", run_id="r-2", when=2)
    await propose(kept, correction("c-14s"), service="basket", run_id="r-3", when=3)
    assert await corrections(kept) == ["c-14s", "c-13s", "c-other", "c-12s"]
    assert await propose(kept, correction("c-15s"), run_id="r-4", when=4) == ["c-15s"]
    assert await corrections(kept) == ["c-15s", "c-14s", "c-13s", "c-other"]


async def test_two_words_of_one_run_on_a_field_stand_beside_each_other(kept: Kept) -> None:
    given = (correction("c-1"), correction("c-2"))
    assert await propose(kept, *given) == ["c-1", "c-2"]
    assert await propose(kept, *given) == ["c-1", "c-2"]
    assert sorted(await corrections(kept)) == ["c-1", "c-2"]


async def test_a_late_word_and_one_that_was_decided_on_take_nobodys_place(kept: Kept) -> None:
    await propose(kept, correction("c-new"), run_id="r-2", when=5)
    await propose(kept, correction("c-late"), run_id="r-1", when=1)
    assert sorted(await corrections(kept)) == ["c-late", "c-new"]
    await decide(kept, "c-new")
    await propose(kept, correction("c-newer"), run_id="r-3", when=60)
    assert sorted(await corrections(kept, state=None)) == ["c-new", "c-newer"]


async def test_within_one_transaction_the_runs_words_follow_each_other(kept: Kept) -> None:
    async with kept.ledger.unit() as unit:
        place = ("checkout", "prod")
        await unit.proposed(*place, "r-1", "checkout.yaml", (correction("c-1"),), at(1))
        await unit.proposed(*place, "r-2", "checkout.yaml", (correction("c-2"),), at(2))
        await unit.proposed(*place, "r-3", "checkout.yaml", (correction("c-1"),), at(3))
    assert await corrections(kept) == ["c-1"]
    assert (await correction_row(kept)).run_id == "r-3"


@pytest.mark.parametrize("id_", ["", "x" * 201, "a\0b", "a\nb"])
async def test_a_correction_that_nobody_can_name_is_told_and_not_kept(kept: Kept, id_: str) -> None:
    assert await propose(kept, correction(id_), correction("c-2", "verify")) == [id_, "c-2"]
    assert await corrections(kept) == ["c-2"]


async def test_of_two_corrections_with_one_id_the_first_is_kept(kept: Kept) -> None:
    await propose(kept, correction(evidence="first"), correction(evidence="second"))
    assert (await correction_row(kept)).correction.evidence == "first"


async def test_corrections_are_listed_by_their_conditions_the_last_proposed_first(
    kept: Kept,
) -> None:
    await propose(kept, correction("c-1", "a"), when=3)
    await propose(kept, correction("c-2", "b"), when=1, service="basket")
    await propose(kept, correction("c-3", "c"), when=2, run_id="r-2")
    await decide(kept, "c-3", "accepted")
    assert await corrections(kept) == ["c-1", "c-2"]
    assert await corrections(kept, state=None) == ["c-1", "c-3", "c-2"]
    assert await corrections(kept, state="accepted") == ["c-3"]
    assert await corrections(kept, state="dismissed") == []
    assert await corrections(kept, service="basket") == ["c-2"]
    assert await corrections(kept, service="checkout", state=None) == ["c-1", "c-3"]
    assert await corrections(kept, correction_id="c-2") == ["c-2"]
    assert await corrections(kept, correction_id="c-3") == []
    assert await corrections(kept, limit=1) == ["c-1"]


async def test_what_a_crashed_transaction_said_is_undone(kept: Kept) -> None:
    await propose(kept, correction("c-old"))
    with dying():
        async with kept.ledger.unit() as unit:
            await unit.rehearsed(rehearsal())
            said = ("checkout", "prod", "r-2", "checkout.yaml", (correction("c-new"),))
            await unit.proposed(*said, at(9))
            raise Crash
    assert await rehearsals(kept) == []
    assert await corrections(kept) == ["c-old"]


async def test_old_rehearsals_are_forgotten_a_bounded_number_at_a_time(kept: Kept) -> None:
    await rehearse(kept, *(rehearsal(f"r-{n}", n) for n in range(5)))
    assert await kept.ledger.forget_rehearsals_before(at(3), 2) == 2
    assert await rehearsals(kept) == ["r-4", "r-3", "r-2"]
    assert await kept.ledger.forget_rehearsals_before(at(3), 2) == 1
    assert await kept.ledger.forget_rehearsals_before(at(3), 2) == 0


async def test_only_what_was_decided_on_and_is_not_proposed_any_more_is_forgotten(
    kept: Kept,
) -> None:
    for n in range(1, 6):
        await propose(kept, correction(f"c-{n}", f"field-{n}"), run_id=f"r-{n}", when=n)
    for n in range(1, 5):
        await decide(kept, f"c-{n}", when=10 + n)
    await propose(kept, correction("c-2", "field-2"), run_id="r-9", when=99)

    async def forget(before: datetime) -> int:
        return await kept.ledger.forget_corrections_before(before, 1)

    assert await forget(at(14)) == 1
    assert sorted(await corrections(kept, state=None)) == ["c-2", "c-3", "c-4", "c-5"]
    assert [await forget(at(14)), await forget(at(14))] == [1, 0]
    assert sorted(await corrections(kept, state=None)) == ["c-2", "c-4", "c-5"]


async def test_a_run_that_proposes_nothing_asks_nothing_of_the_database(migrated: str) -> None:
    said: list[str] = []

    def heard(record: asyncpg.connection.LoggedQuery) -> None:
        said.append(record.query)

    ledger = await PostgresLedger.connect(migrated, 1)
    async with Transaction(ledger.pool) as transaction:
        connection = await transaction.connection()
        with connection.query_logger(heard):
            unit = PostgresUnit(transaction, Pinned(), Familiar(), (), trusting=False)
            place = ("checkout", "prod", "r-1", "checkout.yaml")
            assert await unit.proposed(*place, (), at()) == ()
            await unit.finish()
            await asyncio.sleep(0)  # the log is told at the loop's next turn
            assert said == []
            await unit.proposed(*place, (correction(), correction("c-2", "verify")), at())
            await asyncio.sleep(0)
    await ledger.pool.execute("truncate corrections")
    await ledger.close()
    assert said == ["BEGIN;", queries()["propose"]]
