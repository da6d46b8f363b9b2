"""What each finding comes to: well, doubtful or bad, and the next step. No system is needed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from goaround.doctor import Check, checks, worst
from goaround.doctor.findings import (
    ClockFound,
    ConsumerFound,
    Findings,
    LetterFound,
    PartFound,
    Silent,
    StorageFound,
    StreamFound,
)
from goaround.topology import topology
from goaround_schemas.api import DatabaseStatus, StuckRun, SystemStatus
from goaround_schemas.phase import Phase
from tests.builders import at

GIB = 1024**3
KNOWN = topology()


def status(**changes: Any) -> SystemStatus:
    usual = {"at": at(0), "swept_at": at(-0.3), "sweep_every_s": 0.5, "database": database()}
    return SystemStatus.model_validate({**usual, **changes})


def database(**changes: Any) -> DatabaseStatus:
    usual = {
        "at": at(0),
        "schema_version": 4,
        "schema_known": 4,
        "outbox_waiting": 0,
        "outbox_oldest_s": 0.0,
        "parked": 0,
        "runs": 12,
        "live": {Phase.WATCHING: 2},
    }
    return DatabaseStatus.model_validate({**usual, **changes})


def stream(name: str = "DEPLOY", **changes: Any) -> StreamFound:
    configs = [*(s.config() for s in KNOWN.streams), *(b.config() for b in KNOWN.buckets)]
    config = next(c for c in configs if c["name"] == name)
    usual: dict[str, Any] = {"config": config, "messages": 0, "held_bytes": 0}
    usual |= {"first_at": None, "last_seq": 0}
    return StreamFound(**(usual | changes))


def consumer(name: str = "verifier", **changes: Any) -> ConsumerFound:
    config = next(c for c in KNOWN.consumers if c.name == name).config()
    usual: dict[str, Any] = {"config": config, "waiting": 0, "in_hand": 0}
    usual |= {"taken_again": 0, "pulls": 1, "settled_until": 0}
    return ConsumerFound(**(usual | changes))


def well(**changes: Any) -> Findings:
    names = [*(s.name for s in KNOWN.streams), *(f"KV_{b.name}" for b in KNOWN.buckets)]
    usual: dict[str, Any] = {
        "at": at(0),
        "server_version": (2, 14, 0),
        "round_trip_s": 0.001,
        "streams": {name: stream(name) for name in names},
        "consumers": {(c.stream, c.name): consumer(c.name) for c in KNOWN.consumers},
        "storage": StorageFound(GIB, 10 * GIB),
        "letter": None,
        "status": status(),
        "bus_clock": ClockFound(0.2, 0.001),
        "orchestrator_clock": ClockFound(-0.2, 0.001),
    }
    return Findings(**{**usual, **changes})


def row(found: Findings, name: str) -> Check:
    return next(c for c in checks(found, KNOWN) if c.name == name)


def with_stream(found: StreamFound | Silent | None, name: str = "DEPLOY") -> Findings:
    usual = well()
    return replace(usual, streams={**usual.streams, name: found})


def with_consumer(found: ConsumerFound | Silent | None) -> Findings:
    usual = well()
    return replace(usual, consumers={**usual.consumers, ("WORK", "verifier"): found})


def test_where_all_is_well_every_row_is_and_none_asks_for_anything() -> None:
    rows = checks(well(), KNOWN)
    assert [c for c in rows if c.level != "ok" or c.step] == []
    assert worst(rows) == "ok"
    assert len({c.name for c in rows}) == len(rows)


def test_the_worst_row_is_the_whole() -> None:
    ok, warn, bad = Check("a", "ok", ""), Check("b", "warn", ""), Check("c", "bad", "")
    assert worst([]) == "ok"
    assert worst([ok, warn, ok]) == "warn"
    assert worst([warn, bad, ok]) == "bad"


def test_what_is_not_well_has_a_next_step() -> None:
    nothing = well(
        server_version=(2, 10, 0),
        streams={},
        consumers={},
        storage=Silent("none within 3 s"),
        status=Silent("nobody listens there"),
        bus_clock=None,
        orchestrator_clock=None,
        parts=(PartFound("scribe", "has ended", "scribe.log"),),
    )
    rows = checks(nothing, KNOWN)
    assert rows
    assert all(c.step for c in rows)
    assert all(c.level in ("warn", "bad") for c in rows)


@pytest.mark.parametrize(
    ("found", "level", "said", "step"),
    [
        (stream(messages=9, held_bytes=2000, first_at=at(-90)), "ok", "9 messages, 2.0 KiB", ""),
        (None, "bad", "is not there", "goaround migrate"),
        (Silent("none within 3 s"), "warn", "not known", "goaround users"),
        (stream(held_bytes=int(3.5 * GIB)), "warn", "3.5 GiB of 4.0 GiB", "--history-gib"),
        (stream(config={**stream().config, "subjects": ["x"]}), "warn", "subjects", "migrate"),
        (stream(config={**stream().config, "num_replicas": 3}), "ok", "", ""),
        (stream(config={**stream().config, "max_bytes": 9 * GIB}), "ok", "of 9.0 GiB", ""),
    ],
)
def test_a_stream(found: StreamFound | Silent | None, level: str, said: str, step: str) -> None:
    check = row(with_stream(found), "stream DEPLOY")
    assert check.level == level
    assert said in check.value
    assert step in check.step


@pytest.mark.parametrize(
    ("found", "level", "said", "step"),
    [
        (consumer(waiting=3, in_hand=2, oldest_at=at(-20)), "ok", "3 waiting, 2 in hand", ""),
        (None, "bad", "is not there", "goaround migrate"),
        (Silent("none within 3 s"), "warn", "not known", "goaround users"),
        (consumer(pulls=0), "bad", "nobody reads it", "no verifier runs"),
        (consumer(pulls=0, waiting=4), "bad", "4 waiting", "no verifier runs"),
        # All its places are taken, or it died with them.
        (consumer(pulls=0, in_hand=4), "warn", "nobody asks for more", "start another"),
        (consumer(pulls=0, in_hand=4, waiting=1, oldest_at=at(-700)), "bad", "1 waiting", ""),
        (consumer(waiting=1, oldest_at=at(-61)), "warn", "came 1m ago", "start another"),
        (consumer(waiting=1, oldest_at=at(-601)), "bad", "came 10m ago", "start another"),
        # A step may well take an hour.
        (consumer(in_hand=1, oldest_at=at(-3601)), "ok", "1 in hand", ""),
        (consumer(in_hand=2, taken_again=1), "ok", "1 of them taken again", ""),
        (consumer(config={**consumer().config, "ack_wait": 1}), "warn", "ack_wait", "migrate"),
    ],
)
def test_a_consumer(found: ConsumerFound | Silent | None, level: str, said: str, step: str) -> None:
    check = row(with_consumer(found), "consumer WORK/verifier")
    assert check.level == level
    assert said in check.value
    assert step in check.step


STUCK = StuckRun(
    run_id="r-1",
    service="checkout",
    environment="prod",
    phase=Phase.ROLLING_BACK,
    since=at(-900),
    why="5m past its deadline, and nobody has acted on it",
)


@pytest.mark.parametrize(
    ("name", "changes", "level", "said"),
    [
        ("database", {"schema_version": 2}, "warn", "schema 0002"),
        ("database", {"schema_version": 6}, "warn", "knows 0004"),
        ("outbox", {"outbox_waiting": 3, "outbox_oldest_s": 2.0}, "ok", "3 messages"),
        ("outbox", {"outbox_waiting": 3, "outbox_oldest_s": 31.0}, "warn", "31s"),
        ("outbox", {"outbox_waiting": 3, "outbox_oldest_s": 301.0}, "bad", "5m1s"),
        ("parked messages", {"parked": 1, "parked_last": at(-60)}, "warn", "1 message"),
        ("runs", {}, "ok", "2 watching"),
        ("runs", {"live": {}}, "ok", "none under way"),
        ("runs", {"stuck": (STUCK,) * 5}, "bad", "r-1 (checkout in prod, rolling back): 5m past"),
        ("runs", {"stuck": (STUCK,) * 5}, "bad", "and 2 more"),
        ("clock of the database", {"at": at(3)}, "warn", "3s ahead of the orchestrator's"),
    ],
)
def test_what_the_orchestrator_says_of_its_database(
    name: str, changes: dict[str, Any], level: str, said: str
) -> None:
    check = row(well(status=status(database=database(**changes))), name)
    assert check.level == level
    assert said in check.value
    assert bool(check.step) == (level != "ok")


@pytest.mark.parametrize(
    ("changes", "level", "said"),
    [
        ({}, "ok", "answers"),
        ({"swept_at": at(-50)}, "ok", "50s ago"),
        ({"swept_at": at(-90)}, "bad", "1m30s ago"),
        ({"swept_at": None}, "warn", "not looked"),
        ({"swept_at": None, "database": None, "database_error": "away"}, "warn", "not looked"),
    ],
)
def test_an_orchestrator_answers_and_sweeps(changes: dict[str, Any], level: str, said: str) -> None:
    check = row(well(status=status(**changes)), "orchestrator")
    assert check.level == level
    assert said in check.value


def test_a_database_that_is_away_is_the_finding_and_not_a_silence() -> None:
    away = well(status=status(database=None, database_error="the database does not answer: gone"))
    check = row(away, "database")
    assert (check.level, check.value) == ("bad", "the database does not answer: gone")
    assert "runs" not in {c.name for c in checks(away, KNOWN)}


def test_dead_letters_are_counted_and_the_newest_says_why() -> None:
    found = with_stream(stream("DEAD", messages=3, last_seq=7), "DEAD")
    assert row(found, "dead letters").value == "3 letters"
    newest = LetterFound(at(-60), "work.verify.prod.x", "WORK/verifier", "malformed", "no\ntype")
    check = row(replace(found, letter=newest), "dead letters")
    assert check.level == "warn"
    assert check.value == "3 letters; the newest, 1m ago, of WORK/verifier: malformed (no type)"
    assert "goaround dead list" in check.step


@pytest.mark.parametrize(
    ("ahead_s", "give_or_take_s", "level"),
    [(0.9, 0.0, "ok"), (-1.5, 0.0, "warn"), (1.5, 0.6, "ok"), (40, 0.1, "bad"), (-40, 0.1, "bad")],
)
def test_a_clock_is_off_only_by_more_than_the_question_took(
    ahead_s: float, give_or_take_s: float, level: str
) -> None:
    found = well(bus_clock=ClockFound(ahead_s, give_or_take_s))
    assert row(found, "clock of the bus").level == level


@pytest.mark.parametrize(
    ("found", "level"),
    [
        (StorageFound(GIB, None), "ok"),
        (StorageFound(9 * GIB, 10 * GIB), "warn"),
        (StorageFound(int(9.9 * GIB), 10 * GIB), "bad"),
        # The limit leaves room, the disk does not.
        (StorageFound(GIB, 10 * GIB, free_bytes=1024), "bad"),
        (StorageFound(GIB, 10 * GIB, free_bytes=100 * GIB), "ok"),
    ],
)
def test_storage_is_as_much_as_the_limit_and_the_disk_leave(
    found: StorageFound, level: str
) -> None:
    assert row(well(storage=found), "storage of the bus").level == level


def test_an_early_server_is_told_which_one_is_needed() -> None:
    check = row(well(server_version=(2, 11, 4)), "bus")
    assert (check.level, check.value) == ("bad", "NATS 2.11.4")
    assert "2.12.0" in check.step


def test_the_time_of_the_look_is_what_ages_are_told_by() -> None:
    later = well(at=at(0) + timedelta(hours=2))
    found = replace(
        later, streams={**later.streams, "WORK": stream("WORK", messages=1, first_at=at())}
    )
    assert "since 2h ago" in row(found, "stream WORK").value
