"""What every ledger promises, asked of the real one and of the fake."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from goaround_orchestrator import finish
from goaround_orchestrator.ledger import Letter, Overtaken, PlaceTaken
from goaround_orchestrator.lifecycle import Begin, Enqueue, Refuse, decide
from goaround_orchestrator.relay import Posted
from goaround_orchestrator.run import Move, Run
from goaround_schemas.api import RunsQuery, ServiceQuery
from goaround_schemas.catalogue import parse
from goaround_schemas.phase import Phase
from goaround_schemas.procedure import MigrationResult
from tests.orchestrator import builders as build
from tests.orchestrator.builders import at
from tests.orchestrator.conftest import Kept
from tests.orchestrator.process import Crash, dying

WAIT_S = 10.0


def letter(run: Run, revision: int = 1, reminder: int = 0) -> Letter:
    move = Move(
        revision=revision,
        at=at(),
        from_=Phase.REQUESTED,
        to=Phase.PREFLIGHT,
        stage=None,
        actor="ada",
        reason="accepted",
    )
    return Letter(finish.advanced(run, move, None), reminder=reminder)


async def add(kept: Kept, *runs: Run) -> None:
    async with kept.ledger.unit() as unit:
        for run in runs:
            assert await unit.add(run)


async def write_over(kept: Kept, run: Run) -> None:
    async with kept.ledger.unit() as unit:
        await unit.run(run.id)
        await unit.save(run, (), None)


async def test_a_run_comes_back_as_it_was_written(kept: Kept) -> None:
    full = build.walk(build.in_phase(Phase.HELD), "roll back", "back", "back healthy")
    await add(kept, full)
    async with kept.ledger.unit() as unit:
        assert await unit.run(full.id) == full
    assert await kept.ledger.whole(full.id) == full


async def test_a_run_that_was_never_added_is_none(kept: Kept) -> None:
    async with kept.ledger.unit() as unit:
        assert await unit.run("r-none") is None
    assert await kept.ledger.whole("r-none") is None


async def test_a_message_counts_once_also_within_one_transaction(kept: Kept) -> None:
    async with kept.ledger.unit() as unit:
        assert await unit.first_time("m-1")
        assert not await unit.first_time("m-1")
    async with kept.ledger.unit() as unit:
        assert not await unit.first_time("m-1")
        assert await unit.first_time("m-2")


async def test_two_that_handle_one_message_at_once_make_it_count_once(kept: Kept) -> None:
    async def handle() -> bool:
        async with kept.ledger.unit() as unit:
            return await unit.first_time("m-1")

    async with asyncio.timeout(WAIT_S):
        counted = await asyncio.gather(*(handle() for _ in range(4)))
    assert sorted(counted) == [False, False, False, True]


async def test_a_message_whose_handling_crashed_counts_again(kept: Kept) -> None:
    with dying():
        async with kept.ledger.unit() as unit:
            await unit.first_time("m-1")
            raise Crash
    async with kept.ledger.unit() as unit:
        assert await unit.first_time("m-1")


async def test_an_exception_undoes_everything_that_the_transaction_wrote(kept: Kept) -> None:
    run = build.run()
    await add(kept, run)
    step = build.begun()
    with dying():
        async with kept.ledger.unit() as unit:
            await unit.run(run.id)
            await unit.save(step.run, step.moves, None)
            await unit.add(build.run(id="r-2"))
            await unit.note(run, at(), "eve", "abort refused")
            await unit.send([letter(run)])
            await unit.land(build.landing())
            await unit.pin(build.pinned())
            raise Crash
    assert await kept.ledger.whole(run.id) == run
    assert await kept.ledger.whole("r-2") is None
    assert await kept.ledger.history(run.id) == []
    async with kept.post.taken(10) as taken:
        assert list(taken.letters) == []
    async with kept.ledger.unit() as unit:
        assert await unit.running("checkout", "prod") is None
        with pytest.raises(LookupError):
            await unit.guide(build.pinned().digest, "x")


async def test_others_do_not_see_a_transaction_before_it_is_in(kept: Kept) -> None:
    run = build.run()
    async with kept.ledger.unit() as unit:
        await unit.add(run)
        await unit.send([letter(run)])
        assert await kept.ledger.whole(run.id) is None
        async with kept.post.taken(10) as taken:
            assert list(taken.letters) == []
    assert await kept.ledger.whole(run.id) == run


async def test_a_transaction_sees_what_it_wrote_itself(kept: Kept) -> None:
    async with kept.ledger.unit() as unit:
        await unit.add(build.run())
        await unit.land(build.landing("1.1.0"))
        await unit.pin(build.pinned())
        assert await unit.run(build.ID) == build.run()
        running = await unit.running("checkout", "prod")
        assert running is not None
        assert running.version == "1.1.0"
        assert (await unit.guide(build.pinned().digest, "x")).name == "x"


async def test_the_same_id_is_added_once(kept: Kept) -> None:
    await add(kept, build.run())
    async with kept.ledger.unit() as unit:
        assert not await unit.add(build.run(version="9.9.9"))
    kept_run = await kept.ledger.whole(build.ID)
    assert kept_run is not None
    assert kept_run.version == "2.0.0"


async def test_of_two_that_add_the_same_id_at_once_one_does(kept: Kept) -> None:
    async def attempt(version: str) -> bool:
        try:
            async with kept.ledger.unit() as unit:
                return await unit.add(build.run(version=version))
        except Overtaken:
            return False

    async with asyncio.timeout(WAIT_S):
        added = await asyncio.gather(*(attempt(f"{n}.0.0") for n in range(4)))
    assert sorted(added) == [False, False, False, True]


async def test_a_run_that_was_not_read_here_is_not_written_over(kept: Kept) -> None:
    await add(kept, build.run())
    with pytest.raises(Overtaken, match="r-1"):
        async with kept.ledger.unit() as unit:
            await unit.save(build.begun().run, (), None)
    assert await kept.ledger.whole(build.ID) == build.run()


async def test_a_run_can_be_written_more_than_once_in_one_transaction(kept: Kept) -> None:
    await add(kept, build.run())
    first = build.begun()
    second = decide(first.run, build.asked("abort"), at(1))
    async with kept.ledger.unit() as unit:
        await unit.run(build.ID)
        await unit.save(first.run, first.moves, "m-1")
        await unit.save(second.run, second.moves, "m-2")
    assert await kept.ledger.whole(build.ID) == second.run
    assert [t.revision for t in await kept.ledger.history(build.ID)] == [1, 2]


async def test_the_second_writer_waits_and_reads_what_the_first_wrote(kept: Kept) -> None:
    await add(kept, build.run())
    reading = asyncio.Event()

    async def first() -> None:
        async with kept.ledger.unit() as unit:
            await unit.run(build.ID)
            reading.set()
            # Time enough for the second one to stand at the lock.
            await asyncio.sleep(0)
            await unit.save(build.begun().run, build.begun().moves, None)

    async def second() -> Phase:
        await reading.wait()
        async with kept.ledger.unit() as unit:
            run = await unit.run(build.ID)
            assert run is not None
            return run.phase

    async with asyncio.timeout(WAIT_S):
        _, seen = await asyncio.gather(first(), second())
    assert seen is Phase.PREFLIGHT


async def test_the_place_is_for_one_transaction_at_a_time(kept: Kept) -> None:
    inside: list[str] = []

    async def admit(name: str) -> None:
        async with kept.ledger.unit() as unit:
            active, queued = await unit.place("checkout", "prod")
            inside.append(f"{name} in")
            assert active is None
            assert len(queued) == sum("out" in said for said in inside)
            step = decide(build.run(id=name), Enqueue("r-0"), at())
            await unit.add(step.run)
            inside.append(f"{name} out")

    async with asyncio.timeout(WAIT_S):
        await asyncio.gather(*(admit(f"r-{n}") for n in range(3)))
    assert [said.split()[1] for said in inside] == ["in", "out"] * 3


async def test_many_messages_count_once_each(kept: Kept) -> None:
    async with kept.ledger.unit() as unit:
        assert await unit.first_times(("a", "b")) == {"a", "b"}
    async with kept.ledger.unit() as unit:
        assert await unit.first_times(("c", "b", "a")) == {"c"}
        assert await unit.first_times(("c",)) == frozenset()


async def test_many_runs_are_held_and_written_at_once(kept: Kept) -> None:
    names = [f"r-{n}" for n in range(5)]
    await add(kept, *(build.run(id=name, service=f"s-{name}") for name in names))
    async with kept.ledger.unit() as unit:
        await unit.hold([*reversed(names), "unknown"], ())
        assert await unit.run("unknown") is None
        for name in names:
            run = await unit.run(name)
            assert run is not None
            step = decide(run, Enqueue("r-0"), at())
            await unit.save(step.run, step.moves, None)
    for name in names:
        kept_run = await kept.ledger.whole(name)
        assert kept_run is not None
        assert kept_run.phase is Phase.QUEUED
        assert [t.to for t in await kept.ledger.history(name)] == [Phase.QUEUED]


async def test_those_who_hold_the_same_runs_in_any_order_do_not_wait_for_each_other(
    kept: Kept,
) -> None:
    names = [f"r-{n}" for n in range(6)]
    await add(kept, *(build.run(id=name, service=f"s-{name}") for name in names))

    async def write(order: list[str]) -> None:
        async with kept.ledger.unit() as unit:
            await unit.hold(order, ())
            for name in order:
                run = await unit.run(name)
                assert run is not None
                await unit.save(run.model_copy(update={"reason": order[0]}), (), None)

    async with asyncio.timeout(WAIT_S):
        await asyncio.gather(*(write(names[n:] + names[:n]) for n in range(6)))


async def test_places_where_runs_wait_are_found_among_those_asked_for(kept: Kept) -> None:
    waiting = decide(build.run(), Enqueue("r-0"), at()).run
    await add(kept, waiting, build.run(id="r-2", service="other"))
    places = [("checkout", "prod"), ("other", "prod"), ("none", "prod")]
    assert await kept.ledger.with_waiting(places) == [("checkout", "prod")]
    assert await kept.ledger.with_waiting(places[1:]) == []


async def test_another_place_is_not_held_up(kept: Kept) -> None:
    async with asyncio.timeout(WAIT_S), kept.ledger.unit() as unit:
        await unit.place("checkout", "prod")
        async with kept.ledger.unit() as other:
            assert await other.place("checkout", "staging") == (None, ())


async def test_a_place_knows_who_is_active_and_who_waits_in_the_order_of_their_turns(
    kept: Kept,
) -> None:
    active = build.begun(id="r-active").run
    wishes = (
        build.run(id="r-late", requested_at=at(30)),
        build.run(id="r-early", requested_at=at(10)),
        build.run(id="r-urgent", requested_at=at(40), emergency=True),
        build.run(id="r-back", requested_at=at(50), kind="rollback"),
        build.run(id="r-b-equal", requested_at=at(20)),
        build.run(id="r-a-equal", requested_at=at(20)),
    )
    waiting = [decide(wish, Enqueue("r-active"), at(60)).run for wish in wishes]
    ended = decide(build.run(id="r-ended"), Refuse("no"), at()).run
    elsewhere = build.begun(id="r-else", environment="staging").run
    await add(kept, active, *waiting, ended, elsewhere)
    async with kept.ledger.unit() as unit:
        found, queued = await unit.place("checkout", "prod")
    assert found == active
    order = [r.id for r in queued]
    assert order == ["r-back", "r-urgent", "r-early", "r-a-equal", "r-b-equal", "r-late"]


async def test_a_second_active_run_of_a_place_is_refused_whatever_the_code_believes(
    kept: Kept,
) -> None:
    await add(kept, build.begun(id="r-1").run, build.run(id="r-2"))
    second = build.begun(id="r-2").run
    with pytest.raises(PlaceTaken, match="checkout in prod"):
        await write_over(kept, second)
    with pytest.raises(PlaceTaken, match="r-3"):
        await add(kept, build.begun(id="r-3").run)
    assert await kept.ledger.whole("r-2") == build.run(id="r-2")
    await add(kept, build.begun(id="r-4", environment="staging").run)


@pytest.mark.parametrize("phase", [p for p in Phase if p in build.ACTIVE_PHASES])
async def test_every_active_phase_holds_the_place(kept: Kept, phase: Phase) -> None:
    await add(kept, build.run(id="r-1", phase=phase))
    with pytest.raises(PlaceTaken):
        await add(kept, build.run(id="r-2", phase=Phase.DEPLOYING))


async def test_a_place_can_be_handed_over_within_one_transaction(kept: Kept) -> None:
    first = build.begun(id="r-1").run
    await add(kept, first)
    ended = decide(first, build.asked("abort"), at(1))
    async with kept.ledger.unit() as unit:
        await unit.place("checkout", "prod")
        await unit.save(ended.run, ended.moves, None)
        assert await unit.add(build.begun(id="r-2").run)
        active, _ = await unit.place("checkout", "prod")
    assert active is not None
    assert active.id == "r-2"


async def test_history_keeps_moves_and_refused_requests_in_their_order(kept: Kept) -> None:
    await add(kept, build.run())
    step = build.begun()
    async with kept.ledger.unit() as unit:
        await unit.run(build.ID)
        await unit.save(step.run, step.moves, "m-1")
        await unit.note(step.run, at(2), "eve", "promote asked for by eve, refused")
        await unit.note(step.run, at(3), "eve", "promote asked for by eve, refused again")
    ended = decide(step.run, build.asked("abort", reason="wrong version"), at(4))
    async with kept.ledger.unit() as unit:
        await unit.run(build.ID)
        await unit.save(ended.run, ended.moves, None)
    said = [
        (t.revision, t.from_, t.to, t.actor, t.reason) for t in await kept.ledger.history("r-1")
    ]
    preflight = Phase.PREFLIGHT
    assert said == [
        (1, Phase.REQUESTED, preflight, "ada", step.run.reason),
        (1, preflight, preflight, "eve", "promote asked for by eve, refused"),
        (1, preflight, preflight, "eve", "promote asked for by eve, refused again"),
        (2, preflight, Phase.ABORTED, "eve", "called off by eve: wrong version"),
    ]


async def test_runs_are_listed_newest_first_by_their_conditions(kept: Kept) -> None:
    ended = decide(build.run(id="r-2", requested_at=at(2)), Refuse("no such guide"), at(3)).run
    runs = (
        build.begun(id="r-1", requested_at=at(1)).run,
        ended,
        build.run(id="r-3", requested_at=at(3), environment="staging", emergency=True),
        build.run(id="r-4", requested_at=at(4), service="basket"),
    )
    await add(kept, *runs)

    async def ids(**query: object) -> list[str]:
        return [r.run_id for r in await kept.ledger.rows(RunsQuery.model_validate(query))]

    assert await ids() == ["r-4", "r-3", "r-2", "r-1"]
    assert await ids(service="checkout") == ["r-3", "r-2", "r-1"]
    assert await ids(service="checkout", environment="prod") == ["r-2", "r-1"]
    assert await ids(phase="rejected") == ["r-2"]
    assert await ids(active=True) == ["r-4", "r-3", "r-1"]
    assert await ids(limit=2) == ["r-4", "r-3"]
    assert await ids(limit=2, before=at(3)) == ["r-2", "r-1"]
    row = (await kept.ledger.rows(RunsQuery(phase=Phase.REJECTED)))[0]
    assert (row.version, row.reason, row.updated_at) == ("2.0.0", "no such guide", at(3))


async def test_a_stage_is_named_in_a_list_where_there_is_more_than_one(kept: Kept) -> None:
    planned = {"stages": build.stages("canary", "all")}
    await add(kept, build.in_phase(Phase.VERIFYING, planned=planned))
    (row,) = await kept.ledger.rows(RunsQuery())
    assert row.stage == "canary"


async def test_what_is_due_comes_the_longest_overdue_first(kept: Kept) -> None:
    await add(
        kept,
        build.run(id="r-1", due_at=at(30)),
        build.run(id="r-2", due_at=at(10)),
        build.run(id="r-3", due_at=at(20)),
        build.run(id="r-4", due_at=None),
    )
    assert await kept.ledger.due_before(at(9), 10) == []
    assert await kept.ledger.due_before(at(20), 10) == ["r-2", "r-3"]
    assert await kept.ledger.due_before(at(60), 2) == ["r-2", "r-3"]


async def test_a_place_is_free_if_runs_wait_there_and_none_is_active(kept: Kept) -> None:
    def waits(id_: str, environment: str) -> Run:
        return build.run(id=id_, environment=environment, phase=Phase.QUEUED)

    await add(
        kept,
        waits("r-1", "dev"),
        waits("r-2", "dev"),
        waits("r-3", "prod"),
        build.begun(id="r-4").run,
        build.run(id="r-5", environment="staging", phase=Phase.SUCCEEDED),
    )
    assert await kept.ledger.free_places(10) == [("checkout", "dev")]


async def test_old_messages_are_forgotten_and_count_anew(kept: Kept) -> None:
    async with kept.ledger.unit() as unit:
        await unit.first_time("m-1")
        await unit.first_time("m-2")
    now = datetime.now(UTC)
    assert await kept.ledger.forget_messages_before(now - timedelta(days=1), 10) == 0
    async with kept.ledger.unit() as unit:
        assert not await unit.first_time("m-1")
    assert await kept.ledger.forget_messages_before(now + timedelta(days=1), 1) == 1
    assert await kept.ledger.forget_messages_before(now + timedelta(days=1), 10) == 1
    async with kept.ledger.unit() as unit:
        assert await unit.first_time("m-1")


async def test_the_last_landing_that_stands_is_what_runs(kept: Kept) -> None:
    migrated = MigrationResult(before="a1", after="b2")
    second = build.landing("1.1.0", previous_version="1.0.0", run_id="r-9", migration=migrated)
    async with kept.ledger.unit() as unit:
        assert await unit.running("checkout", "prod") is None
        await unit.land(build.landing("1.0.0"))
        await unit.land(second)
        await unit.land(build.landing("7.0.0", environment="staging", run_id=None))
    async with kept.ledger.unit() as unit:
        assert await unit.running("checkout", "prod") == second
    rows = await kept.ledger.services(ServiceQuery())
    said = [(r.environment, r.version, r.previous_version, r.run_id) for r in rows]
    assert said == [("prod", "1.1.0", "1.0.0", "r-9"), ("staging", "7.0.0", None, None)]
    (only,) = await kept.ledger.services(ServiceQuery(service="checkout", environment="prod"))
    assert (only.version, only.since) == ("1.1.0", at(-3600))
    assert await kept.ledger.services(ServiceQuery(service="basket")) == []


async def test_versions_are_taken_back_one_after_the_other(kept: Kept) -> None:
    first, second = build.landing("1.0.0"), build.landing("1.1.0", previous_version="1.0.0")
    async with kept.ledger.unit() as unit:
        await unit.land(first)
        await unit.land(second)
        await unit.undo(second, "r-5", at(1))
    async with kept.ledger.unit() as unit:
        assert await unit.running("checkout", "prod") == first
        await unit.undo(first, "r-6", at(2))
    async with kept.ledger.unit() as unit:
        assert await unit.running("checkout", "prod") is None
    assert await kept.ledger.services(ServiceQuery()) == []


async def test_taken_back_to_a_version_that_was_not_on_record_puts_it_there(kept: Kept) -> None:
    second = build.landing("1.1.0", previous_version="0.9.0", run_id="r-4")
    async with kept.ledger.unit() as unit:
        await unit.land(second)
        await unit.undo(second, "r-5", at(1))
        now_runs = await unit.running("checkout", "prod")
    assert now_runs is not None
    assert (now_runs.version, now_runs.previous_version) == ("0.9.0", None)
    assert (now_runs.run_id, now_runs.at, now_runs.migration) == ("r-5", at(1), None)


async def test_a_failed_way_back_strands_its_place_until_something_lands(kept: Kept) -> None:
    def changed(id_: str, phase: Phase, since: float) -> Run:
        return build.run(id=id_, phase=phase, phase_since=at(since))

    async def stranded() -> str | None:
        async with kept.ledger.unit() as unit:
            run = (await unit.standing("checkout", "prod")).stranded
            return run.id if run else None

    async def land(since: float) -> None:
        async with kept.ledger.unit() as unit:
            await unit.land(build.landing("3.0.0", at=at(since)))

    assert await stranded() is None
    await land(0)
    await add(kept, changed("r-1", Phase.ROLLED_BACK, 10), changed("r-2", Phase.REJECTED, 90))
    assert await stranded() is None
    await add(kept, changed("r-3", Phase.ROLLBACK_FAILED, 20))
    assert await stranded() == "r-3"
    await add(kept, changed("r-4", Phase.ROLLED_BACK, 30))
    assert await stranded() is None
    await add(kept, changed("r-5", Phase.ROLLBACK_FAILED, 40))
    assert await stranded() == "r-5"
    await land(50)
    assert await stranded() is None


async def test_the_last_proof_is_the_latest_proven_rollback_of_the_place(kept: Kept) -> None:
    def proven(id_: str, since: float, **changes: str) -> Run:
        phase = Phase.ROLLED_BACK
        return build.run(id=id_, phase=phase, phase_since=at(since), **changes)

    async with kept.ledger.unit() as unit:
        assert (await unit.standing("checkout", "prod")).last_proof is None
    await add(
        kept,
        proven("r-1", 10),
        proven("r-2", 30),
        proven("r-3", 90, environment="staging"),
        build.run(id="r-4", phase=Phase.ROLLBACK_FAILED, phase_since=at(99)),
    )
    async with kept.ledger.unit() as unit:
        assert (await unit.standing("checkout", "prod")).last_proof == at(30)


async def test_a_guide_is_pinned_once_by_its_digest_and_read_under_the_name_it_had(
    kept: Kept,
) -> None:
    pinned = build.pinned()
    for _ in range(2):
        async with kept.ledger.unit() as unit:
            await unit.pin(pinned)
    async with kept.ledger.unit() as unit:
        found = await unit.guide(pinned.digest, "other.yaml")
        assert (found.name, found.digest) == ("other.yaml", pinned.digest)
        assert (found.text, found.guide) == (pinned.text, pinned.guide)
        with pytest.raises(LookupError, match="sha256:none"):
            await unit.guide("sha256:none", "x")


async def test_letters_are_taken_in_their_order_with_the_very_bytes(kept: Kept) -> None:
    run = build.run(traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    letters = [letter(run, n) for n in range(1, 4)] + [letter(run, 4, reminder=2)]
    async with kept.ledger.unit() as unit:
        await unit.send(letters[:2])
        await unit.send([])
        await unit.send(letters[2:])
    async with kept.post.taken(10) as taken:
        assert [parse(p.body) for p in taken.letters] == [n.message for n in letters]
        first = taken.letters[0]
        assert first.stream == "DEPLOY"
        assert first.subject == "deploy.advanced.prod.checkout"
        assert first.traceparent == run.traceparent
        assert [p.reminder for p in taken.letters] == [0, 0, 0, 2]
    async with kept.post.taken(10) as taken:
        assert list(taken.letters) == []


async def test_letters_lie_there_again_if_their_sending_crashed(kept: Kept) -> None:
    async with kept.ledger.unit() as unit:
        await unit.send([letter(build.run(), n) for n in range(3)])
    with dying():
        async with kept.post.taken(10) as taken:
            await taken.park(taken.letters[0], "no stream takes it")
            raise Crash
    assert await kept.parked() == []
    async with kept.post.taken(10) as taken:
        assert len(taken.letters) == 3


async def test_no_letter_is_taken_by_two_relays_at_once(kept: Kept) -> None:
    async with kept.ledger.unit() as unit:
        await unit.send([letter(build.run(), n) for n in range(5)])
    ids: list[str] = []
    with dying():
        async with kept.post.taken(3) as first:
            async with kept.post.taken(10) as second:
                ids = [p.message_id for p in (*first.letters, *second.letters)]
                assert (len(first.letters), len(second.letters)) == (3, 2)
                assert len(set(ids)) == 5
            raise Crash
    async with kept.post.taken(10) as again:
        assert [p.message_id for p in again.letters] == ids[:3]


async def test_many_relays_and_writers_neither_lose_nor_double_a_letter(kept: Kept) -> None:
    sent: list[Posted] = []
    written = asyncio.Event()

    async def write(n: int) -> None:
        async with kept.ledger.unit() as unit:
            await unit.send([letter(build.run(), n * 10 + i) for i in range(5)])

    async def relay() -> None:
        while True:
            done = written.is_set()
            async with kept.post.taken(3) as taken:
                await asyncio.sleep(0)
                sent.extend(taken.letters)
            if done and not taken.letters:
                return

    async def write_all() -> None:
        await asyncio.gather(*(write(n) for n in range(6)))
        written.set()

    async with asyncio.timeout(WAIT_S):
        await asyncio.gather(write_all(), relay(), relay())
    assert len(sent) == 30
    assert len({p.message_id for p in sent}) == 30


async def test_a_parked_letter_is_kept_with_its_reason_and_not_sent_again(kept: Kept) -> None:
    async with kept.ledger.unit() as unit:
        await unit.send([letter(build.run(), n) for n in range(2)])
    async with kept.post.taken(10) as taken:
        parked = taken.letters[1]
        await taken.park(parked, "no stream takes it")
    assert await kept.parked() == [(parked.message_id, "no stream takes it")]
    async with kept.post.taken(10) as taken:
        assert list(taken.letters) == []


async def test_the_post_rings_when_something_was_posted(kept: Kept) -> None:
    # The first call starts to listen.
    await kept.post.rung(0.01)
    async with kept.post.taken(10):
        pass
    ring = asyncio.create_task(kept.post.rung(WAIT_S))
    async with kept.ledger.unit() as unit:
        await unit.send([letter(build.run())])
    async with asyncio.timeout(WAIT_S / 2):
        await ring


async def test_the_post_waits_no_longer_than_it_is_told(kept: Kept) -> None:
    async with asyncio.timeout(WAIT_S):
        await kept.post.rung(0.01)


async def test_a_run_begins_by_what_the_ledger_says_runs(kept: Kept) -> None:
    await add(kept, build.run())
    async with kept.ledger.unit() as unit:
        await unit.land(build.landing("1.0.0"))
    async with kept.ledger.unit() as unit:
        run = await unit.run(build.ID)
        assert run is not None
        step = decide(run, Begin(running=await unit.running("checkout", "prod")), at())
        await unit.save(step.run, step.moves, None)
    found = await kept.ledger.whole(build.ID)
    assert found is not None
    assert found.previous_version == "1.0.0"
