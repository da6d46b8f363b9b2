"""One transaction in Postgres: row locks for the run, an advisory lock for the place.

The guard of a run is its edition: read with the row, expected by the write. What is written is
kept back and goes to the server in a few statements when the transaction ends, however many runs it
is about; what is read is read for all of them at once.

A unit that may trust what the process remembers begins no transaction where that is all it needs:
one statement at the end writes everything, if what was believed is so (decision 0027).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from goaround_orchestrator.commands import PinnedGuide
from goaround_orchestrator.ledger import (
    Evidence,
    Letter,
    Mistaken,
    Overtaken,
    Place,
    Standing,
    active_and_waiting,
)
from goaround_orchestrator.lifecycle import Neighbour
from goaround_orchestrator.relay import Posted
from goaround_orchestrator.run import Landing, Move, Run, is_stranded
from goaround_orchestrator.store import columns, proofs
from goaround_orchestrator.store.remembered import Familiar, Pinned, guide_of
from goaround_orchestrator.store.sql import queries
from goaround_orchestrator.store.transaction import Transaction
from goaround_orchestrator.store.writing import write
from goaround_schemas.api import Label
from goaround_schemas.outcome import GuideCorrection
from goaround_schemas.phase import Phase
from goaround_schemas.proving import CorrectionDecision, CorrectionRow, RehearsalRow


class _Believed(NamedTuple):
    """What a unit went by without asking: nobody handled these messages, or moved these runs."""

    message_ids: Sequence[str]
    run_ids: Sequence[str]


class PostgresUnit:
    """One transaction."""

    def __init__(
        self,
        transaction: Transaction,
        pinned: Pinned,
        familiar: Familiar,
        sent: Sequence[int],
        *,
        trusting: bool,
    ) -> None:
        self._transaction = transaction
        self._trusting = trusting
        self._believed: _Believed | None = None
        self._pinned = pinned
        self._familiar = familiar
        self._sent = sent
        self.posted: list[Posted] = []
        """What was written for the relay: to be sent once the transaction is in."""
        self.newly_pinned: dict[str, PinnedGuide] = {}
        self._runs: dict[str, Run | None] = {}
        self._editions: dict[str, int] = {}
        self._held: set[Place] = set()
        self._standings: dict[Place, Standing] = {}
        self._landings: dict[Place, Landing | None] = {}
        self._added: dict[str, Run] = {}
        self._saved: dict[str, Run] = {}
        self._moves: list[columns.Moved] = []
        self._letters: list[Letter] = []
        self._landed: list[Landing] = []

    async def first_time(self, message_id: str) -> bool:
        """Note that the message was handled; False if it was before."""
        return message_id in await self.first_times((message_id,))

    async def first_times(
        self, message_ids: Sequence[str], about: Sequence[str] = ()
    ) -> frozenset[str]:
        """Note that the messages were handled, and lock the runs that they are about.

        Return those that were not handled before.
        """
        unread = sorted({id_ for id_ in about if id_ not in self._runs})
        # Before anything is remembered: a new connection may lead to another server.
        await self._transaction.connection()
        known = {id_: self._familiar.get(id_) for id_ in unread}
        if self._trusting and not self._runs and unread and all(run for _, run in known.values()):
            self._believe(_Believed(sorted(set(message_ids)), unread), known)
            return frozenset(message_ids)
        editions = [edition for edition, _ in known.values()]
        rows = await self._transaction.fetch(
            queries()["take"], sorted(message_ids), unread, editions
        )
        self._runs |= dict.fromkeys(unread)
        for row in rows:
            if (id_ := row["id"]) is None:
                continue
            if row["snapshot"] is None:
                self._editions[id_], self._runs[id_] = known[id_]
            else:
                self._know(row)
        return frozenset(r["message_id"] for r in rows if r["message_id"] is not None)

    def _believe(self, believed: _Believed, known: Mapping[str, tuple[int, Run | None]]) -> None:
        self._believed = believed
        self._transaction.on_begin = self._make_sure
        for id_, (edition, run) in known.items():
            self._editions[id_], self._runs[id_] = edition, run

    async def _make_sure(self) -> None:
        """Ask after all, and lock: more is needed than what is remembered."""
        assert self._believed is not None, "called when something was believed"
        (message_ids, run_ids), self._believed = self._believed, None
        editions = [self._editions[id_] for id_ in run_ids]
        rows = await self._transaction.fetch(queries()["take"], message_ids, run_ids, editions)
        as_believed = [r for r in rows if r["id"] is None or r["snapshot"] is None]
        if len(as_believed) != len(message_ids) + len(run_ids):
            raise Mistaken(run_ids)

    async def hold(self, run_ids: Sequence[str], places: Sequence[Place]) -> None:
        """Lock these places, and then these runs and all that stand or wait there, at once."""
        wanted = sorted(set(places) - self._held)
        if wanted:
            await self._transaction.fetch(queries()["lock_places"], *columns.places(wanted))
        unread = [id_ for id_ in run_ids if id_ not in self._runs]
        if wanted or unread:
            rows = await self._transaction.fetch(
                queries()["read_runs"], unread, *columns.places(wanted)
            )
            self._runs |= dict.fromkeys(unread)
            for row in rows:
                self._know(row)
        self._held.update(wanted)

    async def run(self, run_id: str) -> Run | None:
        """The run, locked until the end of the transaction."""
        if run_id not in self._runs:
            await self.hold((run_id,), ())
        return self._runs[run_id]

    async def place(self, service: str, environment: str) -> tuple[Run | None, tuple[Run, ...]]:
        """The active run of the place and those that wait, in the order of their turns."""
        await self.hold((), ((service, environment),))
        known = (r for r in self._runs.values() if r is not None)
        return active_and_waiting(
            r for r in known if (r.service, r.environment) == (service, environment)
        )

    async def add(self, run: Run) -> bool:
        """Keep a new run; False if there is one of that id."""
        if run.id not in self._runs:
            await self.hold((run.id,), ())
        if self._runs[run.id] is not None:
            return False
        self._runs[run.id] = self._added[run.id] = run
        return True

    async def save(self, run: Run, moves: Sequence[Move], cause: str | None) -> None:
        """Write the run over the edition that this transaction has read."""
        if run.id in self._added:
            self._added[run.id] = run
        elif run.id in self._editions:
            self._saved[run.id] = run
        else:
            raise Overtaken(run.id)
        self._runs[run.id] = run
        self._moves += [columns.Moved(run.id, move, cause) for move in moves]

    async def note(self, run: Run, at: datetime, actor: str, text: str) -> None:
        """Write something that moved nothing into the run's history: a refused request."""
        said = {"from": run.phase, "to": run.phase, "stage": run.stage_name, "actor": actor}
        move = Move.model_validate({**said, "revision": run.revision, "at": at, "reason": text})
        self._moves.append(columns.Moved(run.id, move, None))

    async def send(self, letters: Sequence[Letter]) -> None:
        """Have these messages sent once the transaction is in."""
        self._letters += letters

    async def running(self, service: str, environment: str) -> Landing | None:
        """What runs there, by the record."""
        place = (service, environment)
        if place not in self._landings:
            runs = [r for r in self._runs.values() if r is not None]
            near = {(r.service, r.environment) for r in runs} - self._landings.keys() | {place}
            # It takes no lock: what runs at the place of a run under way, that run alone changes.
            read = self._transaction.fetch_apart if self._believed else self._transaction.fetch
            rows = await read(queries()["running_at"], *columns.places(sorted(near)))
            self._landings |= dict.fromkeys(near)
            for row in rows:
                self._landings[row["service"], row["environment"]] = columns.landing(row)
        return self._landings[place]

    async def land(self, landing: Landing) -> None:
        """Record that a version runs."""
        self._landed.append(landing)
        self._landings[landing.service, landing.environment] = landing

    async def undo(self, landing: Landing, by: str, at: datetime) -> None:
        """Record that a version was taken back; what ran before it runs again."""
        await self.flush()
        place = (landing.service, landing.environment)
        await (await self._transaction.begun()).execute(queries()["undo"], *place, by, at)
        self._landings.pop(place, None)
        before = await self.running(*place)
        if landing.previous_version and (
            before is None or before.version != landing.previous_version
        ):
            await self.land(
                Landing(
                    service=landing.service,
                    environment=landing.environment,
                    version=landing.previous_version,
                    previous_version=before.version if before else None,
                    run_id=by,
                    at=at,
                )
            )

    async def standing(self, service: str, environment: str) -> Standing:
        """What is on record of the place: what runs, when a rollback was proven, who failed."""
        place = (service, environment)
        if place not in self._standings:
            if self._saved or self._landed:
                await self.flush()
            near = sorted((self._held - self._standings.keys()) | {place})
            rows = await self._transaction.fetch(queries()["standing_at"], *columns.places(near))
            for row in rows:
                at = row["service"], row["environment"]
                last = Run.model_validate_json(row["last"]) if row["last"] else None
                running = columns.landing(row) if row["version"] is not None else None
                self._landings[at] = running
                stranded = last if is_stranded(last, running) else None
                self._standings[at] = Standing(running, row["last_proof"], stranded)
        return self._standings[place]

    async def neighbours(self, run: Run, since: datetime, limit: int) -> list[Neighbour]:
        """Who else changes something in the run's environment, or ended doing so since then."""
        await self.flush()
        rows = await self._transaction.fetch(
            queries()["neighbours"], run.environment, run.id, since, limit
        )
        return [
            Neighbour(r["id"], r["kind"], r["service"], r["version"], Phase(r["phase"]))
            for r in rows
        ]

    async def keep_evidence(self, evidence: Evidence) -> bool:
        """Keep what a verdict rests on, once; False if its run is not known."""
        known = await (await self._transaction.begun()).fetchval(
            queries()["keep_evidence"],
            evidence.id,
            evidence.run_id,
            evidence.version,
            evidence.stage,
            evidence.colour,
            evidence.action,
            evidence.judged_at,
            evidence.switched_at,
            evidence.looks,
            evidence.judge_version,
            evidence.body,
        )
        return bool(known)

    async def label(self, run: Run, label: Label) -> bool:
        """Keep what a person says of a run read here; False if the newest label says the same."""
        said = (label.label, label.actor, label.at, label.because)
        return (
            await (await self._transaction.begun()).fetchval(queries()["label"], run.id, *said)
            is not None
        )

    async def pin(self, guide: PinnedGuide) -> None:
        """Keep the very text of a guide, by its digest."""
        if self._pinned.get(guide.digest) is None and guide.digest not in self.newly_pinned:
            await (await self._transaction.begun()).execute(
                queries()["pin_guide"], guide.digest, guide.text, guide.guide.model_dump_json()
            )
            self.newly_pinned[guide.digest] = guide

    async def guide(self, digest: str, name: str) -> PinnedGuide:
        """A pinned guide, under the name it had."""
        known = self._pinned.get(digest) or self.newly_pinned.get(digest)
        if known is None:
            row = await (await self._transaction.begun()).fetchrow(queries()["read_guide"], digest)
            if row is None:
                raise LookupError(f"no guide was pinned with the digest {digest}")
            guide = guide_of(digest, row["model"])
            known = PinnedGuide(name=name, digest=digest, text=row["text"], guide=guide)
            self.newly_pinned[digest] = known
        return PinnedGuide(name=name, digest=digest, text=known.text, guide=known.guide)

    async def rehearsed(self, row: RehearsalRow) -> None:
        """Keep a rehearsal under its id; of two under one id the later one counts."""
        await proofs.keep_rehearsal(await self._transaction.begun(), row)

    async def last_rehearsal(self, service: str, environment: str) -> RehearsalRow | None:
        """The newest rehearsal of the place that told something: how it passed, or failed."""
        return await proofs.last_rehearsal(await self._transaction.begun(), service, environment)

    async def proposed(
        self,
        service: str,
        environment: str,
        run_id: str,
        guide_name: str,
        corrections: Sequence[GuideCorrection],
        at: datetime,
    ) -> tuple[GuideCorrection, ...]:
        """Keep what a run proposes, counting the run once; return what nobody has decided on."""
        return await proofs.propose(
            self._transaction,
            service,
            environment,
            run_id,
            guide_name,
            corrections,
            at,
        )

    async def decide(self, said: CorrectionDecision, at: datetime) -> CorrectionRow | None:
        """Keep a person's word on a correction that has none; return how it stands then."""
        return await proofs.decide(await self._transaction.begun(), said, at)

    async def finish(self) -> None:
        """Write what is left: in one statement that is a transaction of its own, if it can be.

        Raises:
            Mistaken: What was believed is not so. Nothing was written.
        """
        if (believed := self._believed) is None:
            await self.flush()
        elif self._saved.keys() == set(believed.run_ids):
            saved = [self._saved[id_] for id_ in believed.run_ids]
            await self._write("settle", saved, self._rest(), believed.message_ids)
        else:
            # A run that nothing was written of has no guard: it is asked for.
            await self._transaction.begun()
            await self.flush()

    async def flush(self) -> None:
        """Write what is kept back. What ends goes before what begins, as a place has one run."""
        saved, added = list(self._saved.values()), list(self._added.values())
        if saved and added:
            await self._write("save_runs", saved, columns.Rest())
            saved = []
        rest = self._rest()
        if added:
            await self._write("add_runs", added, rest)
        elif saved or rest:
            await self._write("save_runs", saved, rest)
        self._saved, self._added = {}, {}
        self._moves, self._landed, self._letters, self._sent = [], [], [], ()

    def _rest(self) -> columns.Rest:
        return columns.Rest(self._moves, self._landed, self._letters, self._sent)

    async def _write(
        self, query: str, runs: Sequence[Run], rest: columns.Rest, *noted: Sequence[str]
    ) -> None:
        fetch = self._transaction.fetch_apart if noted else self._transaction.fetch
        editions = [self._editions.get(run.id, 1) for run in runs]
        self.posted += await write(fetch, query, runs, editions, rest, *noted)
        for run in runs:
            self._editions[run.id] = self._editions.get(run.id, 0) + 1

    @property
    def editions(self) -> Iterable[tuple[int, Run]]:
        """Runs as they stand at the end, with their editions."""
        return [(self._editions[r.id], r) for r in self._runs.values() if r is not None]

    def _know(self, row: asyncpg.Record) -> None:
        run = Run.model_validate_json(row["snapshot"])
        if self._runs.get(run.id) is None:
            self._runs[run.id] = run
            self._editions[run.id] = int(row["edition"])
