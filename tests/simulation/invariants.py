"""What must hold of every history, read from its streams, its database and its log of effects.

Each is a function from a history that is over to what is wrong with it. None knows what went wrong
in the history, apart from two documented windows: a step whose worker stood still between writing
it down and beginning it (decision 0010), and a notice in hand when its worker died (0012).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise

from goaround_notifier.delivery import Delivery
from goaround_orchestrator import frontdoor
from goaround_orchestrator.frontdoor import Knock, Request, Stray
from goaround_orchestrator.run import Order, Run, What
from goaround_schemas.catalogue import AnyMessage, Malformed, UnknownType, parse
from goaround_schemas.outcome import DeployAdvanced, DeployFinished
from goaround_schemas.phase import Phase
from goaround_schemas.procedure import DeployExecuted
from goaround_schemas.subjects import DEAD, DEPLOY, FRONT_DOOR, WORK
from tests.simulation.bus import Kept
from tests.simulation.clock import START
from tests.simulation.estate import Effect
from tests.simulation.world import World

ONE_THING = ("deploy.observed.", "deploy.evidenced.", "deploy.step_finished.")
"""What is said of something that was written down first: one id, one content."""
ONE_ANSWER = ("deploy.verified.", "deploy.executed.", "deploy.judged.", "deploy.recorded.")


class History:
    """A history that is over, with its streams read once."""

    def __init__(self, world: World, over: bool) -> None:
        self.world, self.over = world, over
        self.runs: dict[str, Run] = {k: r.run for k, r in world.ledger.kept.runs.items()}
        self.deploy = world.bus.streams[DEPLOY]
        self.advanced: list[DeployAdvanced] = []
        self.finished: dict[str, list[tuple[Kept, DeployFinished]]] = defaultdict(list)
        for kept in self.deploy:
            if kept.subject.startswith(("deploy.advanced.", "deploy.finished.")):
                match parse(kept.body):
                    case DeployAdvanced() as advanced:
                        self.advanced.append(advanced)
                    case DeployFinished() as finished:
                        self.finished[finished.data.run_id].append((kept, finished))
                    case _:
                        pass

    def of(self, *subjects: str) -> Iterator[Kept]:
        """The messages of these kinds in the stream."""
        return (kept for kept in self.deploy if kept.subject.startswith(subjects))


Invariant = Callable[[History], Iterator[str]]


def comes_to_rest(h: History) -> Iterator[str]:
    """Once nothing goes wrong any more, everything comes to its end."""
    if not h.over:
        late = [f"{r.id} is {r.phase}" for r in h.runs.values() if not r.ended]
        undone = [k.subject for k in h.world.bus.undone()]
        letters = len(h.world.ledger.kept.outbox)
        yield f"not over in its time: {late}, undone {undone}, {letters} letters"
    yield from h.world.loop.errors


def one_outcome(h: History) -> Iterator[str]:
    """Every run ends in exactly one outcome, said once, and it is the database's."""
    for id_, run in h.runs.items():
        ends = h.finished.get(id_, [])
        if not run.ended:
            yield f"{id_} is {run.phase} for ever"
        if len(ends) != 1:
            yield f"{id_} has {len(ends)} outcomes in the stream"
        elif ends[0][1].data.outcome != run.phase:
            yield f"{id_} is {run.phase}, and was said to be {ends[0][1].data.outcome}"
    for id_ in h.finished.keys() - h.runs.keys():
        yield f"{id_} has an outcome, and is no run"


def one_run_a_request(h: History) -> Iterator[str]:
    """Whoever knocks gets one run; who says the same again under one id gets the same one.

    A run that a person has go on with a failed way back is nobody's knock.
    """
    wanted: set[str] = set()
    for kept in h.of(FRONT_DOOR):
        at = (START + timedelta(seconds=kept.at_s)).isoformat()
        arrival = f"{kept.stream}/{kept.sequence}/{at}"
        asked = frontdoor.read(Knock(kept.subject, kept.body, kept.headers, arrival))
        if isinstance(asked, Stray):
            continue
        known = isinstance(asked, Request) and h.runs.get(asked.data.run_id)
        same = known and isinstance(asked, Request) and known.request_digest == asked.digest
        wanted.add(known.id if known and same else arrival)
    asked_for = [run for run in h.runs.values() if run.resumes is None]
    if len(asked_for) != len(wanted):
        yield f"{len(wanted)} different requests led to {len(asked_for)} runs"


def one_active(h: History) -> Iterator[str]:
    """No two runs are active at the same time for a service and environment, after any commit."""
    for service, environment in sorted(h.world.database.doubled):
        yield f"two runs were active for {service} in {environment}"


def nothing_after_the_outcome(h: History) -> Iterator[str]:
    """No step of a run begins once its outcome is said."""
    for effect in h.world.estate.effects:
        ends = h.finished.get(effect.run_id)
        if ends and effect.began_s > ends[0][0].at_s and not effect.belated:
            yield f"{_named(effect)} began after the outcome"


def steps_once(h: History) -> Iterator[str]:
    """A step's effect happens once, or it was declared idempotent."""
    tries: dict[tuple[str, str, str, str], list[Effect]] = defaultdict(list)
    for effect in h.world.estate.effects:
        if not effect.idempotent and not effect.belated:
            tries[effect.key].append(effect)
    for of_step in tries.values():
        if len(of_step) > 1:
            yield f"{_named(of_step[0])} began {len(of_step)} times, and is not idempotent"


def one_hand(h: History) -> Iterator[str]:
    """No two workers are at the steps of a run at the same time, unless the first stood still."""
    by_run: dict[str, list[Effect]] = defaultdict(list)
    for effect in h.world.estate.effects:
        if not effect.belated:
            by_run[effect.run_id].append(effect)
    for effects in by_run.values():
        for before, after in pairwise(effects):
            if before.host.stood_still(before.began_s, after.began_s):
                continue
            if before.ended_s is not None and after.began_s < before.ended_s:
                yield f"{_named(after)} began before {_named(before)} had ended"


def unknown_is_not_repeated(h: History) -> Iterator[str]:
    """A run with a step whose end nobody knows goes around, or says that it could not.

    After Green there is nothing to go around from: then it says so in a warning.
    """
    for kept in h.of("deploy.executed."):
        said = _read(kept.body)
        if isinstance(said, DeployExecuted) and said.data.outcome == "unknown":
            run = h.runs[said.data.run_id]
            after_green = said.causationid == Order(what=What.CONTRACT).id_for(run.id)
            warned = any(w.startswith("after Green") for w in run.warnings)
            if run.phase is Phase.SUCCEEDED and run.kind == "deploy" and not after_green:
                yield f"{run.id} succeeded, although a step of it is unknown"
            if run.phase is Phase.SUCCEEDED and after_green and not warned:
                yield f"{run.id} succeeded, and does not say what is unknown after Green"


def way_back(h: History) -> Iterator[str]:
    """Where something was changed and the run did not succeed, the way back was taken."""
    touched = {e.run_id for e in h.world.estate.effects}
    for run in h.runs.values():
        if run.id not in touched or run.phase is Phase.SUCCEEDED:
            continue
        if not any(s.phase is Phase.ROLLING_BACK for s in run.timeline):
            yield f"{run.id} is {run.phase}, has changed something and never went back"


def notices_once(h: History) -> Iterator[str]:
    """Each notice is told once; never again once it is on record that it was told."""
    claims: Counter[str] = Counter()
    sent: set[str] = set()
    over: set[str] = set()
    for id_, value in h.world.site.notices.written:
        state = Delivery.model_validate_json(value).state
        if state == "sending":
            claims[id_] += 1
            if id_ in sent:
                yield f"the notice {id_} was begun again although it was told"
        elif state != "waiting":
            over.add(id_)
            sent |= {id_} if state == "sent" else set()
    told = Counter(id_ for id_, _ in h.world.estate.notices)
    ordered = {k.id for k in h.world.bus.streams[WORK]}
    for id_, times in told.items():
        if id_ not in ordered:
            yield f"the notice {id_} was told, and nobody had ordered it"
        if times > claims[id_]:
            yield f"the notice {id_} was told {times} times in {claims[id_]} attempts"
    for id_ in told.keys() - over:
        yield f"the notice {id_} was told, and is not over on record"


def stream_is_the_database(h: History) -> Iterator[str]:
    """Who replays the moves from the start arrives at the database's phase, move by move."""
    seen: dict[str, dict[int, DeployAdvanced]] = defaultdict(dict)
    for event in h.advanced:
        data = event.data
        if data.revision in seen[data.run_id]:
            before = seen[data.run_id][data.revision].data
            if (before.from_, before.to) != (data.from_, data.to):
                yield f"{data.run_id} made its move {data.revision} twice, differently"
        seen[data.run_id][data.revision] = event
    for id_, run in h.runs.items():
        moves = [seen[id_][n].data for n in sorted(seen[id_])]
        if [m.revision for m in moves] != list(range(1, run.revision + 1)):
            yield f"{id_}: moves {[m.revision for m in moves]} in the stream, {run.revision} made"
            continue
        if any(a.to is not b.from_ for a, b in pairwise(moves)):
            yield f"{id_}: the moves in the stream do not follow from one another"
        if moves and moves[-1].to is not run.phase:
            yield f"{id_}: the stream ends at {moves[-1].to}, the database at {run.phase}"
    for id_ in seen.keys() - h.runs.keys():
        yield f"{id_} moved, and is no run"


def nothing_left(h: History) -> Iterator[str]:
    """Nothing is left in the outbox, in the queue, or parked."""
    kept = h.world.ledger.kept
    if kept.outbox:
        yield f"{len(kept.outbox)} letters are left in the outbox"
    if h.world.database.post.parked:
        yield f"{len(h.world.database.post.parked)} letters were parked"
    for command in h.world.bus.undone():
        yield f"nobody did {command.subject} {command.id}"


def dead_letters(h: History) -> Iterator[str]:
    """Only what nobody can read is put aside."""
    for kept in h.world.bus.streams[DEAD]:
        if not kept.subject.startswith(f"dead.{FRONT_DOOR}"):
            why = kept.headers.get("goaround-error")
            yield f"{kept.subject} was put aside: {why}"


def one_answer(h: History) -> Iterator[str]:
    """A command has one answer, however often it was done."""
    ids: dict[tuple[str, str], set[str]] = defaultdict(set)
    for kept in h.of(*ONE_ANSWER):
        message = _read(kept.body)
        if message is not None and message.causationid is not None:
            ids[message.type, message.causationid].add(message.id)
    for (type_, cause), answers in ids.items():
        if len(answers) > 1:
            yield f"{len(answers)} different {type_} answer the command {cause}"


def one_content(h: History) -> Iterator[str]:
    """What is said under one id is one thing: a look is taken once, a step ends once."""
    for kept, body in h.world.bus.repeats:
        if kept.subject.startswith(ONE_THING) and kept.body != body:
            yield f"{kept.subject} {kept.id} was said twice, differently"


INVARIANTS: tuple[Invariant, ...] = (
    comes_to_rest,
    one_outcome,
    one_run_a_request,
    one_active,
    nothing_after_the_outcome,
    steps_once,
    one_hand,
    unknown_is_not_repeated,
    way_back,
    notices_once,
    stream_is_the_database,
    nothing_left,
    dead_letters,
    one_answer,
    one_content,
)


def violations(world: World, over: bool) -> list[tuple[str, str]]:
    """Return what does not hold of a history: the invariant's name, and how."""
    history = History(world, over)
    return [(check.__name__, how) for check in INVARIANTS for how in check(history)]


def _named(effect: Effect) -> str:
    return f"{effect.procedure} {effect.name!r} of {effect.run_id} {effect.stage}".strip()


def _read(body: bytes) -> AnyMessage | None:
    try:
        return parse(body)
    except (Malformed, UnknownType):
        return None
