"""The checker is held against histories made up to break one rule each: it can fail."""

import dataclasses
from collections.abc import Callable

import pytest

from tests.chaos.checker import RULES, broken
from tests.chaos.history import Advanced, Effect, Finished, History, Move, Row, effects_of

STEPS = (("all", "prepare"), ("all", "switch"))
WAY = ("requested", "preflight", "deploying", "verifying", "recording", "succeeded")
BACK = (*WAY[:3], "rolling_back", "verifying_rollback", "recording", "rolled_back")


def effect(run: str, step: str, begin: float, end: float | None, **more: object) -> Effect:
    """One try of a step of the service `shop`."""
    known: dict[str, object] = {
        "line": 0,
        "run": run,
        "service": "shop",
        "procedure": "rollback" if step == "back" else "deploy",
        "stage": "all",
        "step": step,
        "once": step == "switch",
        "begin": begin,
        "end": end,
    }
    return Effect(**{**known, **more})  # type: ignore[arg-type]  # pyright: ignore


def _walked(run: str, way: tuple[str, ...], since: float) -> list[Advanced]:
    return [
        Advanced(f"{run}-{number}", run, "shop", number, way[number - 1], way[number], since)
        for number in range(1, len(way))
    ]


def _moved(run: str, way: tuple[str, ...]) -> list[Move]:
    return [Move(run, number, way[number - 1], way[number]) for number in range(1, len(way))]


def sound() -> History:
    """Two runs of one service: the first succeeds, the second goes around."""
    return History(
        requested=frozenset({"a", "b"}),
        acknowledged=frozenset({"a", "b"}),
        advanced=[*_walked("a", WAY, 1), *_walked("b", BACK, 11)],
        finished=[
            Finished("end-a", "a", "shop", "succeeded", None, at=10),
            Finished("end-b", "b", "shop", "rolled_back", "1", at=20),
        ],
        rows=[
            Row("a", "shop", "prod", "deploy", "succeeded"),
            Row("b", "shop", "prod", "deploy", "rolled_back"),
        ],
        moves=[*_moved("a", WAY), *_moved("b", BACK)],
        effects=[
            effect("a", "prepare", 2, None),
            effect("a", "prepare", 3, 4),
            effect("a", "switch", 5, 6),
            effect("b", "prepare", 12, 13),
            effect("b", "switch", 14, 15),
            effect("b", "back", 16, 17),
        ],
        steps={"shop": STEPS},
        dead=["asked for"],
        explained=frozenset({"asked for"}),
    )


def _but(**fields: object) -> History:
    return dataclasses.replace(sound(), **fields)  # type: ignore[arg-type]  # pyright: ignore


def _end(run: str, outcome: str, id_: str = "") -> Finished:
    return Finished(id_ or f"end-{run}", run, "shop", outcome, "1", at=20)


def _with_effects(*more: Effect, without: Callable[[Effect], bool] = lambda _: False) -> History:
    kept = [*(e for e in sound().effects if not without(e)), *more]
    return _but(effects=sorted(kept, key=lambda e: e.begin))


BROKEN: tuple[tuple[str, str, History], ...] = (
    (
        "nothing_acknowledged_is_gone",
        "a request was acknowledged and is gone",
        _but(acknowledged=frozenset({"a", "b", "c"})),
    ),
    (
        "every_run_has_one_outcome",
        "a run never ended",
        _but(requested=frozenset({"a", "b", "c"})),
    ),
    (
        "every_run_has_one_outcome",
        "a run ended twice",
        _but(finished=[*sound().finished, _end("b", "rolled_back", "another")]),
    ),
    (
        "no_outcome_is_said_twice",
        "the stream has an outcome twice",
        _but(finished=[*sound().finished, sound().finished[0]]),
    ),
    (
        "the_database_says_the_same",
        "the database has another outcome",
        _but(finished=[sound().finished[0], _end("b", "rollback_failed")]),
    ),
    (
        "the_database_says_the_same",
        "the database does not know of an end",
        _but(rows=[sound().rows[0], Row("b", "shop", "prod", "deploy", "recording")]),
    ),
    (
        "the_database_says_the_same",
        "the database does not know a run",
        _but(finished=[*sound().finished, _end("c", "rejected")]),
    ),
    (
        "an_observer_arrives_where_the_database_is",
        "a move was never told",
        _but(advanced=[e for e in sound().advanced if (e.run, e.revision) != ("a", 2)]),
    ),
    (
        "an_observer_arrives_where_the_database_is",
        "the last move was never told",
        _but(advanced=[e for e in sound().advanced if e.to != "rolled_back"]),
    ),
    (
        "an_observer_arrives_where_the_database_is",
        "two moves have one number",
        _but(
            advanced=[*sound().advanced, Advanced("x", "a", "shop", 2, "preflight", "aborted", 2)]
        ),
    ),
    (
        "one_run_at_a_time_by_the_database",
        "two runs were under way at once",
        _but(moves=[*_moved("a", WAY[:3]), *_moved("b", BACK), *_moved("a", WAY)[2:]]),
    ),
    (
        "one_run_at_a_time_by_what_was_done",
        "two runs' steps took turns",
        _with_effects(effect("a", "prepare", 18, 19)),
    ),
    (
        "one_run_at_a_time_by_what_was_done",
        "two runs' steps overlapped",
        _with_effects(
            effect("b", "prepare", 5.5, 13),
            without=lambda e: (e.run, e.step) == ("b", "prepare"),
        ),
    ),
    (
        "nothing_is_done_after_the_outcome",
        "a step began after the outcome",
        _with_effects(effect("b", "back", 20.2, 20.4)),
    ),
    (
        "what_may_not_be_repeated_is_not",
        "a step was done twice",
        _with_effects(effect("b", "switch", 15.2, None)),
    ),
    (
        "no_step_overlaps_itself",
        "a step began within its first try",
        _with_effects(effect("b", "back", 16.5, 17.5)),
    ),
    (
        "steps_keep_their_order",
        "a step began again after a later one had",
        _with_effects(effect("b", "prepare", 15.2, 15.3)),
    ),
    (
        "success_means_that_every_step_was_done",
        "a step of a success was never done",
        _with_effects(without=lambda e: (e.run, e.step) == ("a", "switch")),
    ),
    (
        "success_means_that_every_step_was_done",
        "a step of a success never came to its end",
        _with_effects(
            effect("a", "switch", 5, None), without=lambda e: (e.run, e.step) == ("a", "switch")
        ),
    ),
    (
        "what_changed_and_did_not_succeed_goes_around",
        "something was done, and there was no way back",
        _but(advanced=[e for e in sound().advanced if e.to != "rolling_back"]),
    ),
    (
        "what_changed_and_did_not_succeed_goes_around",
        "the way back was said to be done and was not",
        _with_effects(without=lambda e: e.step == "back"),
    ),
    (
        "what_changed_and_did_not_succeed_goes_around",
        "a step forward was done after the way back",
        _with_effects(effect("b", "switch", 18, 19)),
    ),
    ("nothing_is_left_over", "a message is left in the outbox", _but(outbox=1)),
    (
        "nothing_is_left_over",
        "a message is parked",
        _but(parked=["work.deploy.prod.shop: refused"]),
    ),
    ("nothing_is_left_over", "a message is left in the work queue", _but(work=1)),
    ("no_letter_is_dead_without_a_cause", "a letter is dead", _but(dead=["why?"])),
    ("no_process_ends_by_itself", "a process ended", _but(fallen=["verifier: code 1"])),
)


def test_a_sound_history_breaks_no_rule() -> None:
    assert broken(sound()) == {}


@pytest.mark.parametrize(("rule", "what", "history"), BROKEN, ids=[what for _, what, _ in BROKEN])
def test_a_rule_sees_that(rule: str, what: str, history: History) -> None:
    assert rule in broken(history), what


def test_a_repeat_beside_what_a_frozen_worker_had_begun_is_no_fault() -> None:
    overlap = _with_effects(effect("b", "back", 16.5, 17.5))
    assert broken(dataclasses.replace(overlap, frozen=[(16.2, 30)])) == {}
    assert broken(dataclasses.replace(overlap, frozen=[(18, 30)])) != {}


def test_every_rule_has_a_history_that_breaks_it() -> None:
    assert {rule for rule, _, _ in BROKEN} == {rule.__name__ for rule in RULES}


def test_the_effects_log_tells_which_try_came_to_its_end() -> None:
    log = (
        "1.00 begin 7 a shop deploy all prepare again\n"
        "1.50 begin 8 a shop deploy all prepare again\n"
        "2.00 end 8 a shop deploy all prepare again\n"
        "3.00 begin 7 b shop deploy all switch once\n"
    )
    first, second, third = effects_of(log, booted_at=100)
    assert (first.begin, first.end, first.once) == (101, None, False)
    assert (second.begin, second.end) == (101.5, 102)
    assert (third.run, third.once, third.end) == ("b", True, None)


@pytest.mark.parametrize(
    "log",
    [
        "1.00 end 7 a shop deploy all prepare again\n",
        "1.00 begin 7 a shop deploy all prepare again\n2.00 end 7 a shop deploy all x again\n",
        "1.00 begin 7 a shop deploy\n",
    ],
)
def test_an_effects_log_that_no_step_has_written_is_refused(log: str) -> None:
    with pytest.raises(ValueError, match=r"effects log|ends another|unpack"):
        effects_of(log, booted_at=0)
