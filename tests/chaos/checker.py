"""What must hold of every history, whatever was killed. Pure, and knows no service's code.

Each rule yields what breaks it, in words. A rule that cannot see a fault is no rule:
`test_checker` breaks each of them with a history made up for it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from tests.chaos.history import ACTIVE, ENDS, Advanced, Effect, Finished, History

CLOCK_S = 0.05
"""The effects log counts hundredths; an outcome's time is the orchestrator's."""

Rule = Callable[[History], Iterator[str]]


def nothing_acknowledged_is_gone(history: History) -> Iterator[str]:
    for run in sorted(history.acknowledged - history.requested):
        yield f"{run}: its request was acknowledged, and the stream does not have it"


def every_run_has_one_outcome(history: History) -> Iterator[str]:
    ends: dict[str, set[str]] = defaultdict(set)
    for event in history.finished:
        ends[event.run].add(event.id)
    rows = {row.run for row in history.rows}
    for run in sorted(history.requested | rows):
        if not ends[run]:
            yield f"{run}: was asked for, and has no outcome"
    for run, ids in sorted(ends.items()):
        if len(ids) > 1:
            yield f"{run}: has {len(ids)} outcomes"


def no_outcome_is_said_twice(history: History) -> Iterator[str]:
    for id_, times in Counter(event.id for event in history.finished).items():
        if times > 1:
            yield f"the stream has the outcome {id_} {times} times"


def the_database_says_the_same(history: History) -> Iterator[str]:
    said = {event.run: event.outcome for event in history.finished}
    for row in history.rows:
        if row.phase not in ENDS:
            yield f"{row.run}: the database has it as {row.phase}"
        elif row.run in said and said[row.run] != row.phase:
            yield f"{row.run}: the stream says {said[row.run]}, the database {row.phase}"
    for run in sorted(set(said) - {row.run for row in history.rows}):
        yield f"{run}: has an outcome, and the database does not know it"


def an_observer_arrives_where_the_database_is(history: History) -> Iterator[str]:
    by_run: dict[str, dict[int, Advanced]] = defaultdict(dict)
    for event in history.advanced:
        known = by_run[event.run].setdefault(event.revision, event)
        if (known.from_, known.to) != (event.from_, event.to):
            yield f"{event.run}: two different moves are number {event.revision}"
    for row in history.rows:
        moves = by_run[row.run]
        if sorted(moves) != list(range(1, len(moves) + 1)):
            yield f"{row.run}: its moves are numbered {sorted(moves)}"
            continue
        at = "requested"
        for number in sorted(moves):
            if moves[number].from_ != at:
                yield f"{row.run}: move {number} goes from {moves[number].from_}, it was {at}"
            at = moves[number].to
        if at != row.phase:
            yield f"{row.run}: an observer arrives at {at}, the database is at {row.phase}"


def one_run_at_a_time_by_the_database(history: History) -> Iterator[str]:
    place = {row.run: (row.service, row.environment) for row in history.rows}
    active: dict[tuple[str, str], str] = {}
    for move in history.moves:
        where = place[move.run]
        if move.to in ACTIVE:
            other = active.setdefault(where, move.run)
            if other != move.run:
                yield f"{move.run}: became {move.to} while {other} was under way"
        elif active.get(where) == move.run:
            del active[where]


def one_run_at_a_time_by_what_was_done(history: History) -> Iterator[str]:
    for service, effects in _by_service(history).items():
        under_way: Effect | None = None
        left: set[str] = set()
        for effect in effects:
            if under_way is not None and effect.run != under_way.run:
                left.add(under_way.run)
                if under_way.end is not None and under_way.end > effect.begin:
                    yield f"{service}: {effect.run} began a step within one of {under_way.run}"
            if effect.run in left:
                yield f"{service}: {effect.run} began a step after a later run had begun one"
            under_way = effect


def nothing_is_done_after_the_outcome(history: History) -> Iterator[str]:
    ended = {event.run: event.at for event in history.finished}
    for effect in history.effects:
        late_s = effect.begin - ended.get(effect.run, effect.begin)
        if late_s > CLOCK_S:
            yield f"{effect.run}: {effect.step} began {late_s:.2f} s after the outcome"


def what_may_not_be_repeated_is_not(history: History) -> Iterator[str]:
    times = Counter(effect.key for effect in history.effects if effect.once)
    for key, count in times.items():
        if count > 1:
            yield f"{' '.join(key)}: was done {count} times"


def no_step_overlaps_itself(history: History) -> Iterator[str]:
    last: dict[tuple[str, str, str, str], Effect] = {}
    for effect in history.effects:
        before = last.get(effect.key)
        if before is not None and before.end is not None and before.end > effect.begin:
            explained = (f < effect.begin and before.begin < t for f, t in history.frozen)
            if effect.once or not any(explained):
                yield f"{' '.join(effect.key)}: began again before its first try had ended"
        last[effect.key] = effect


def steps_keep_their_order(history: History) -> Iterator[str]:
    done: dict[str, list[Effect]] = defaultdict(list)
    for effect in history.effects:
        if effect.procedure == "deploy":
            done[effect.run].append(effect)
    for run, effects in done.items():
        order = list(history.steps.get(effects[0].service, ()))
        furthest = 0
        for effect in effects:
            place = order.index((effect.stage, effect.step))
            if place < furthest:
                yield f"{run}: {effect.step} of {effect.stage} began after a later step had"
            furthest = max(furthest, place)


def success_means_that_every_step_was_done(history: History) -> Iterator[str]:
    done = {effect.key for effect in history.effects if effect.end is not None}
    kinds = {row.run: row.kind for row in history.rows}
    for event in _ended(history, "succeeded"):
        if kinds.get(event.run) != "deploy":
            continue
        for stage, step in history.steps.get(event.service, ()):
            if (event.run, "deploy", stage, step) not in done:
                yield f"{event.run}: succeeded, and {step} of {stage} was never done"


def what_changed_and_did_not_succeed_goes_around(history: History) -> Iterator[str]:
    turned = {event.run for event in history.advanced if event.to == "rolling_back"}
    forward, back = dict[str, float](), dict[str, float]()
    for effect in history.effects:
        if effect.procedure == "deploy":
            forward[effect.run] = effect.begin
        elif effect.end is not None:
            back[effect.run] = effect.end
    for event in history.finished:
        if event.run not in forward or event.outcome == "succeeded":
            continue
        if event.run not in turned:
            yield f"{event.run}: something was done, it ended as {event.outcome}, with no way back"
        if event.outcome == "rolled_back" and back.get(event.run, 0.0) < forward[event.run]:
            yield f"{event.run}: is rolled back, and no step back was done after the last forward"


def nothing_is_left_over(history: History) -> Iterator[str]:
    for count, where in (
        (history.outbox, "the outbox"),
        (history.work, "the work queue"),
    ):
        if count:
            yield f"{count} messages are left in {where}"
    for said in history.parked:
        yield f"a message was put aside as one that no stream takes: {said}"


def no_letter_is_dead_without_a_cause(history: History) -> Iterator[str]:
    for letter in history.dead:
        if letter not in history.explained:
            yield f"a dead letter that nothing explains: {letter}"


def no_process_ends_by_itself(history: History) -> Iterator[str]:
    yield from history.fallen


RULES: tuple[Rule, ...] = (
    nothing_acknowledged_is_gone,
    every_run_has_one_outcome,
    no_outcome_is_said_twice,
    the_database_says_the_same,
    an_observer_arrives_where_the_database_is,
    one_run_at_a_time_by_the_database,
    one_run_at_a_time_by_what_was_done,
    nothing_is_done_after_the_outcome,
    what_may_not_be_repeated_is_not,
    no_step_overlaps_itself,
    steps_keep_their_order,
    success_means_that_every_step_was_done,
    what_changed_and_did_not_succeed_goes_around,
    nothing_is_left_over,
    no_letter_is_dead_without_a_cause,
    no_process_ends_by_itself,
)
LOST = frozenset({"nothing_acknowledged_is_gone", "every_run_has_one_outcome"})
DOUBLED = frozenset({"what_may_not_be_repeated_is_not", "no_step_overlaps_itself"})


def broken(history: History) -> dict[str, list[str]]:
    """Return what breaks each rule; nothing where all is well."""
    found = {rule.__name__: list(rule(history)) for rule in RULES}
    return {name: faults for name, faults in found.items() if faults}


def _by_service(history: History) -> dict[str, list[Effect]]:
    found: dict[str, list[Effect]] = defaultdict(list)
    for effect in history.effects:
        found[effect.service].append(effect)
    return found


def _ended(history: History, outcome: str) -> Iterator[Finished]:
    return (event for event in history.finished if event.outcome == outcome)
