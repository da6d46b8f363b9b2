"""What every ledger promises of evidence, labels and neighbours, asked of both kinds."""

from contextlib import AbstractContextManager
from typing import Any

import pytest

from goaround_orchestrator.ledger import Evidence
from goaround_orchestrator.run import Run
from goaround_schemas.api import EvidenceQuery, Label
from goaround_schemas.phase import Phase
from tests.orchestrator import builders as build
from tests.orchestrator.builders import at, evidence
from tests.orchestrator.conftest import Kept


class Crash(Exception):
    """The process dies here."""


def dying() -> AbstractContextManager[object, bool]:
    """The block ends with the crash that it is about."""
    return pytest.raises(Crash)


async def add(kept: Kept, *runs: Run) -> None:
    async with kept.ledger.unit() as unit:
        for run in runs:
            assert await unit.add(run)


async def keep(kept: Kept, *given: Evidence) -> list[bool]:
    async with kept.ledger.unit() as unit:
        return [await unit.keep_evidence(one) for one in given]


async def label(kept: Kept, run: Run, *said: Label) -> list[bool]:
    async with kept.ledger.unit() as unit:
        await unit.run(run.id)
        return [await unit.label(run, one) for one in said]


def said(word: str = "good", **changes: Any) -> Label:
    usual = {"label": word, "actor": "eve", "at": at(90), "because": "I looked"}
    return Label.model_validate({**usual, **changes})


async def ids(kept: Kept, **query: Any) -> list[str]:
    rows = await kept.ledger.evidence(EvidenceQuery.model_validate(query))
    return [row.evidence_id for row in rows]


async def test_evidence_comes_back_as_it_was_kept_and_tells_of_its_run(kept: Kept) -> None:
    run = build.in_phase(Phase.WATCHING)
    await add(kept, run)
    given = evidence(body=bytes(range(256)))
    assert await keep(kept, given) == [True]
    (row,) = await kept.ledger.verdicts(run.id, 10)
    assert (row.evidence_id, row.run_id) == ("e-1", run.id)
    assert (row.service, row.environment, row.version) == ("checkout", "prod", "2.0.0")
    assert (row.colour, row.action, row.looks, row.stage) == ("red", "rollback", 7, "all")
    assert (row.judged_at, row.switched_at) == (given.judged_at, given.switched_at)
    assert (row.phase, row.guide_digest) == (Phase.WATCHING, run.guide_digest)
    assert (row.judge_version, row.label) == ("2", None)
    assert await kept.ledger.recording("e-1") == given.body
    assert await kept.ledger.recording("e-none") is None


async def test_evidence_is_kept_once_and_the_first_stays(kept: Kept) -> None:
    await add(kept, build.run())
    assert await keep(kept, evidence(body=b"1"), evidence(body=b"2")) == [True, True]
    assert await keep(kept, evidence(body=b"3")) == [True]
    assert await kept.ledger.recording("e-1") == b"1"
    assert len(await kept.ledger.verdicts(build.ID, 10)) == 1


async def test_evidence_of_a_run_that_is_not_known_is_not_kept(kept: Kept) -> None:
    assert await keep(kept, evidence(run_id="r-none")) == [False]
    assert await ids(kept) == []


async def test_evidence_and_labels_are_undone_with_their_transaction(kept: Kept) -> None:
    await add(kept, build.run())
    with dying():
        async with kept.ledger.unit() as unit:
            await unit.keep_evidence(evidence())
            await unit.label(build.run(), said())
            raise Crash
    assert await kept.ledger.verdicts(build.ID, 10) == []
    assert await kept.ledger.labels(build.ID, 10) == []


async def test_the_verdicts_of_a_run_are_told_oldest_first_and_the_newest_of_many(
    kept: Kept,
) -> None:
    await add(kept, build.run(), build.run(id="r-2", phase=Phase.REJECTED))
    given = [evidence(id=f"e-{n}", judged_at=at(n)) for n in (3, 1, 2)]
    await keep(kept, *given, evidence(id="e-9", run_id="r-2"))
    verdicts = await kept.ledger.verdicts(build.ID, 10)
    assert [row.evidence_id for row in verdicts] == ["e-1", "e-2", "e-3"]
    assert [r.evidence_id for r in await kept.ledger.verdicts(build.ID, 2)] == ["e-2", "e-3"]


async def test_evidence_is_listed_newest_first_by_its_conditions(kept: Kept) -> None:
    await add(
        kept,
        build.run(id="r-1"),
        build.run(id="r-2", environment="staging"),
        build.run(id="r-3", service="basket"),
    )
    given = [evidence(id=f"e-{n}", run_id=f"r-{n}", judged_at=at(n)) for n in (1, 2, 3)]
    await keep(kept, *given)
    assert await ids(kept) == ["e-3", "e-2", "e-1"]
    assert await ids(kept, service="checkout") == ["e-2", "e-1"]
    assert await ids(kept, service="checkout", environment="prod") == ["e-1"]
    assert await ids(kept, environment="prod") == ["e-3", "e-1"]
    assert await ids(kept, since=at(2)) == ["e-3", "e-2"]
    assert await ids(kept, limit=1) == ["e-3"]


@pytest.mark.parametrize("service", [None, "checkout"])
async def test_pages_meet_without_a_gap_or_a_double_also_at_equal_times(
    kept: Kept, service: str | None
) -> None:
    await add(kept, build.run())
    # Ids as they are made, and such as a language's order of letters would tell otherwise.
    names = ["0a-1", "0B", "a-b", "ab", "B", "b0", "b-0"]
    await keep(kept, *(evidence(id=name, judged_at=at(i // 3)) for i, name in enumerate(names)))
    whole = await ids(kept, service=service)
    assert sorted(whole) == sorted(names)
    paged: list[str] = []
    while page := await ids(kept, service=service, limit=2, after=paged[-1] if paged else None):
        paged += page
    assert paged == whole


async def test_a_page_after_evidence_that_is_no_longer_kept_is_refused(kept: Kept) -> None:
    with pytest.raises(LookupError, match="no evidence has the id 'e-9'"):
        await ids(kept, after="e-9")


async def test_old_evidence_is_forgotten_a_bounded_number_at_a_time(kept: Kept) -> None:
    await add(kept, build.run())
    await keep(kept, *(evidence(id=f"e-{n}", judged_at=at(n)) for n in range(5)))
    assert await kept.ledger.forget_evidence_before(at(3), 2) == 2
    assert await ids(kept) == ["e-4", "e-3", "e-2"]
    assert await kept.ledger.forget_evidence_before(at(3), 2) == 1
    assert await kept.ledger.forget_evidence_before(at(3), 2) == 0
    assert await ids(kept) == ["e-4", "e-3"]


async def test_the_newest_label_counts_and_all_are_told_newest_last(kept: Kept) -> None:
    run = build.run()
    await add(kept, run)
    await keep(kept, evidence())
    given = [said("good"), said("bad", actor="bob", at=at(91)), said("good", at=at(92))]
    assert await label(kept, run, *given) == [True, True, True]
    assert await kept.ledger.labels(run.id, 10) == given
    assert await kept.ledger.labels(run.id, 2) == given[1:]
    (row,) = await kept.ledger.verdicts(run.id, 10)
    assert row.label == given[-1]
    (listed,) = await kept.ledger.evidence(EvidenceQuery())
    assert listed == row


async def test_the_same_label_said_again_is_not_kept_twice(kept: Kept) -> None:
    run = build.run()
    await add(kept, run)
    assert await label(kept, run, said(), said(at=at(99))) == [True, False]
    assert await label(kept, run, said(at=at(100))) == [False]
    assert await label(kept, run, said(because="no, really")) == [True]
    assert len(await kept.ledger.labels(run.id, 10)) == 2


async def neighbours(kept: Kept, since: float = 100, limit: int = 10) -> list[str]:
    async with kept.ledger.unit() as unit:
        found = await unit.neighbours(build.run(), at(since), limit)
    return [one.run_id for one in found]


@pytest.mark.parametrize("phase", list(Phase))
async def test_a_neighbour_is_who_changes_something_or_ended_doing_so_meanwhile(
    kept: Kept, phase: Phase
) -> None:
    meanwhile = build.run(id="r-7", service="payments", phase=phase, phase_since=at(150))
    before = build.run(id="r-8", service="basket", phase=phase, phase_since=at(50))
    await add(kept, build.run(phase=Phase.WATCHING), meanwhile, before)
    ends = (Phase.SUCCEEDED, Phase.ROLLED_BACK, Phase.ROLLBACK_FAILED)
    waits = (Phase.REQUESTED, Phase.QUEUED, Phase.PREFLIGHT, Phase.AWAITING_APPROVAL)
    nothing = (*waits, Phase.REJECTED, Phase.ABORTED, Phase.SUPERSEDED)
    expected = ["r-7", "r-8"]
    if phase in ends:
        expected = ["r-7"]
    elif phase in nothing:
        expected = []
    assert await neighbours(kept) == expected


async def test_neighbours_are_of_the_same_environment_and_the_newest_comes_first(
    kept: Kept,
) -> None:
    def other(n: int, **changes: Any) -> Run:
        usual: dict[str, Any] = {"phase": Phase.DEPLOYING, "phase_since": at(n)}
        return build.run(id=f"r-{n}", service=f"s-{n}", **{**usual, **changes})

    elsewhere = other(300, environment="staging")
    back = other(250, kind="rollback", version=None, phase=Phase.ROLLED_BACK)
    await add(kept, build.run(phase=Phase.WATCHING), other(200), elsewhere, back, other(90))
    assert await neighbours(kept) == ["r-250", "r-200", "r-90"]
    assert await neighbours(kept, limit=2) == ["r-250", "r-200"]
    async with kept.ledger.unit() as unit:
        (newest,) = await unit.neighbours(build.run(), at(100), 1)
    assert (newest.kind, newest.service, newest.version) == ("rollback", "s-250", None)
    assert newest.phase is Phase.ROLLED_BACK
