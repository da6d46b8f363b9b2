"""One history: a seed becomes hosts, people and weather, and runs until all is quiet.

Everything is drawn from the seed, and nothing else is asked: no clock of this machine, no server,
no file. The same seed is the same history, line by line.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from goaround_chassis.testing import MemoryBucket
from goaround_orchestrator.ledger import Away, Overtaken, PlaceTaken
from goaround_orchestrator.lifecycle import IllegalMove
from goaround_orchestrator.memory import MemoryLedger
from goaround_orchestrator.replies import Answer as Reply
from goaround_orchestrator.run import Landing
from goaround_schemas.subjects import DEPLOY
from tests.simulation import workers
from tests.simulation.bus import Bus, Kept
from tests.simulation.clock import START, Host, HostClock, new_loop
from tests.simulation.database import Database, UnlockedLedger
from tests.simulation.estate import Estate
from tests.simulation.faults import Fate, Gate, Weather
from tests.simulation.scenario import ENVIRONMENT, LONGEST, Knock, Scenario, Word, scenario
from tests.simulation.wire import Wire
from tests.simulation.workers import Life, LoggedBucket, Parts, Site

PLAIN = Parts()

HOSTS = (
    *("orchestrator", "orchestrator", "verifier", "deployer", "deployer"),
    *("watcher", "watcher", "scribe", "notifier", "notifier"),
)


def weather(draw: Random) -> Weather:
    """Draw how much goes wrong: nothing in one history of twenty, now this and now that else."""
    if draw.random() < 0.05:
        return Weather()

    def share(most: float) -> float:
        return most * draw.random() if draw.random() < 0.6 else 0.0

    return Weather(
        calm_at_s=draw.uniform(60.0, 400.0),
        gates=draw.choice((4.0, 8.0, 8.0, 20.0)),
        dies=share(0.12),
        stands_still=share(0.06),
        loses_answers=share(0.06),
        loses_effects=share(0.05),
        loses_commands=share(0.1),
        doubles=share(0.2),
        delays=share(0.2),
        outages=draw.choice((0, 0, 0, 1, 2)),
        skew_s=draw.choice((0.0, 0.0, 0.3)),
    )


@dataclass
class Line:
    """Something that happened, and when."""

    at_s: float
    text: str

    def __str__(self) -> str:
        at = (START + timedelta(seconds=self.at_s)).strftime("%H:%M:%S.%f")[:-3]
        return f"{at}  {self.text}"


@dataclass
class World:
    """One history, as it goes on."""

    seed: int
    parts: Parts = PLAIN
    loud: bool = False
    lines: list[Line] = field(default_factory=list[Line])

    def __post_init__(self) -> None:
        draw = Random(self.seed)
        self.scenario: Scenario = scenario(draw)
        self.weather = weather(draw)
        self.loop = new_loop(draw)
        self.fate = Fate(draw, self.weather, self.loop, self._died)
        self.bus = Bus(self.loop, self.fate)
        self.draw = draw
        usual = UnlockedLedger if draw.random() < 0.25 else MemoryLedger
        tables = self.parts.tables or usual
        self.ledger: MemoryLedger = tables(HostClock(self.loop, self.loop.kernel))
        self.database = Database(self.loop, self.fate, self.ledger)
        self.estate = Estate(self.loop, draw, moods=self.scenario.moods)
        self.site = Site(
            loop=self.loop,
            fate=self.fate,
            bus=self.bus,
            database=self.database,
            estate=self.estate,
            shelf=self.scenario.shelf,
            parts=self.parts,
            journal=MemoryBucket(HostClock(self.loop, self.loop.kernel)),
            watches=MemoryBucket(),
            notices=LoggedBucket(),
        )
        self.hosts: list[Host] = []
        self.ever: list[Host] = [self.loop.kernel]
        self._desks: dict[Host, dict[str, Reply]] = {}
        self._still_to_come = 0
        self._lives = 0
        if self.loud:
            self.estate.tell = self.tell
            self.bus.on_kept.append(self._tell_message)

    def run(self) -> bool:
        """Live it through; False if it was not over when it should have been."""
        self._furnish()
        for kind in HOSTS:
            self._boot(kind)
        for knock in self.scenario.knocks:
            self._at(knock.at_s, self._knock, knock)
        for word in self.scenario.words:
            self._at(word.at_s, self._speak, word)
        self._plan_outages()
        self._at(self.weather.calm_at_s, self.tell, "from here on, nothing goes wrong")
        over = self.loop.run(self._quiet, LONGEST.total_seconds())
        self.loop.settle(self.ever)
        return over

    def tell(self, text: str) -> None:
        """Keep a line of the history."""
        if self.loud:
            self.lines.append(Line(self.loop.now_s, text))

    def _quiet(self) -> bool:
        return (
            self.fate.calm
            and not self._still_to_come
            and self.bus.quiet
            and not self.ledger.kept.outbox
            and self.database.due_s() is None
        )

    def _furnish(self) -> None:
        for service in self.scenario.shelf.pinned:
            self.estate.schemas[service] = "base"
            version = self.scenario.ran_before.get(service)
            if version is not None:
                self.estate.running[service] = version
                self.ledger.kept.landings[next(self.ledger.numbers)] = Landing(
                    service=service,
                    environment=ENVIRONMENT,
                    version=version,
                    previous_version=None,
                    run_id=None,
                    at=START,
                )

    def _at(self, at_s: float, call: Callable[..., None], *of: object) -> None:
        self._still_to_come += 1

        def come() -> None:
            self._still_to_come -= 1
            call(*of)

        self.loop.after(at_s - self.loop.now_s, come)

    def _boot(self, kind: str) -> None:
        self._lives += 1
        skew_s = self.draw.uniform(0.0, self.weather.skew_s)
        host = Host(f"{kind}-{self._lives}", skew_s=skew_s)
        gate = Gate(host, self.fate)
        life = Life(self.site, host, gate, Wire(self.bus, gate), HostClock(self.loop, host))
        self.hosts.append(host)
        self.ever.append(host)
        answers = workers.KINDS[kind](life)
        if answers is not None:
            self._desks[host] = answers

    def _died(self, host: Host, where: str) -> None:
        self.tell(f"{host.name} dies at: {where}")
        kind = host.name.rpartition("-")[0]
        self.hosts.remove(host)
        self._desks.pop(host, None)
        self.bus.leave(host)
        self.loop.kill(host)
        self._at(self.loop.now_s + self.draw.choice((0.5, 3.0, 15.0)), self._boot, kind)

    def _plan_outages(self) -> None:
        for _ in range(self.weather.outages):
            at_s = self.draw.uniform(1.0, max(self.weather.calm_at_s - 40.0, 2.0))
            length_s = self.draw.choice((1.0, 5.0, 12.0, 30.0))
            self._at(at_s, self._goes_away, self.draw.random() < 0.5, length_s)

    def _goes_away(self, bus: bool, for_s: float) -> None:
        what = "bus" if bus else "database"
        self.fate.counts[f"{what} away"] += 1
        self.tell(f"the {what} is away for {for_s:g} s")
        (self.bus if bus else self.database).away_until = self.loop.now_s + for_s

    def _knock(self, knock: Knock) -> None:
        body = knock.body if knock.body is not None else json.dumps(knock.fields).encode()
        self.bus.put(DEPLOY, knock.subject, body, {})
        if knock.twice and "run_id" in knock.fields:
            # Whoever asks twice under one id, asks once.
            self.bus.put(DEPLOY, knock.subject, body, {})

    def _speak(self, word: Word) -> None:
        desks = list(self._desks)
        under_way = [row.run for row in self.ledger.kept.runs.values() if not row.run.ended]
        if not desks or not under_way:
            return
        host, run = self.draw.choice(desks), self.draw.choice(under_way)
        verb = word.verb(run.phase, self.draw)
        self.tell(f"eve says {verb} of {run.id}")
        fields = {"run_id": run.id, "actor": "eve", "groups": ["sre"]}
        reply = self._desks[host][f"api.runs.{verb}"]
        self.loop.spawn(host, self._ask(reply, json.dumps(fields).encode()))

    async def _ask(self, reply: Reply, body: bytes) -> None:
        try:
            answer = await reply(body)
        except (Away, Overtaken, PlaceTaken, IllegalMove) as error:
            self.tell(f"eve hears: {type(error).__name__}: {error}")
        else:
            self.tell(f"eve hears: {answer.decode()[:200]}")

    def _tell_message(self, kept: Kept) -> None:
        text = kept.body.decode(errors="replace")
        try:
            data = json.loads(text).get("data", {})
            said = {k: data[k] for k in ("run_id", "from", "to", "reason", "outcome") if k in data}
        except ValueError:
            said = {"bytes": text[:60]}
        self.tell(f"{kept.stream} {kept.sequence} {kept.subject} {said}")
