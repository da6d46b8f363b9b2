"""A database with the past of an installation in it: so many finished runs, made by the server.

What a run leaves behind is what one leaves that went through the handlers: its snapshot with every
matrix, step and watch, a line of history for each move, a landing, for a tenth of them the evidence
of a verdict, and for those of the last two weeks the messages that were handled.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from goaround_orchestrator.run import Run
from goaround_schemas.phase import Phase
from tests import builders as messages
from tests.orchestrator.office import Office

SERVICES = 50
"""In prod and in staging each. Their number is the same whatever the number of runs."""
OLD = 30
"""So many runs, the first of all, are of a service and of an environment that nothing is heard of
since: who asks for these reads past all others, unless an index spares them that."""
LOOKED_AT = 200
_YEARS_S = 2 * 365 * 86_400
_EVIDENCE_BYTES = 6_000
_MESSAGES = 15
"""Handled for one run: its request and every answer."""

_BULK = """
set session_replication_role = replica;
set synchronous_commit = off;
set maintenance_work_mem = '512MB';
set work_mem = '256MB';
"""
_PAST = """
create unlogged table past as
select i, 'r' || substr(md5(i::text), 1, 6) || lpad(to_hex(i), 5, '0') as id,
       case when i < {old} then 'retired' else 's-' || i % {services} end as service,
       case when i < {old} then 'lab' when i / {services} % 5 < 3 then 'prod' else 'staging' end
           as environment,
       '1.' || i / {services} as version,
       case when i % 1000 = 999 then 'rollback_failed' when i % 100 < 6 then 'rolled_back'
            when i % 100 < 11 then 'rejected' when i % 100 < 14 then 'aborted'
            when i % 100 < 15 then 'superseded' else 'succeeded' end as phase,
       now() - interval '1 hour'
             - ({runs} - i) * ({years_s}::float8 / {runs}) * interval '1 s' as asked_at
  from generate_series(0, {runs} - 1) as i;
"""
_RUNS = """
insert into runs (id, kind, service, environment, version, previous_version, phase, requested_by,
                  requested_at, updated_at, reason, snapshot)
select id, 'deploy', service, environment, version, '1.0', phase, 'ci', asked_at,
       asked_at + interval '20 min', version || ' runs in prod: steady', pattern.snapshot
  from past, pattern where i % 2 = $1
"""
_OWN_SNAPSHOT = """
update runs set snapshot = replace(replace(replace(replace(replace(snapshot::text,
           '§id§', id), '§service§', service), '§environment§', environment),
           '§version§', version), '"§phase§"', '"' || phase || '"')::json
 where id = any ($1)
"""
_LOOKED_AT = "select id from past where i % greatest($1, 1) = 0 order by i"
_TRANSITIONS = """
insert into transitions (run_id, revision, at, from_phase, to_phase, actor, reason, cause)
select id, n, asked_at + n * interval '2 min',
       (array['requested', 'preflight', 'deploying', 'verifying', 'watching', 'rolling_back',
              'recording'])[n],
       case when n = moves then phase else
       (array['preflight', 'deploying', 'verifying', 'watching', 'rolling_back', 'recording',
              'succeeded'])[n] end,
       'orchestrator', version || ' is healthy: 3 of 3 checks passed',
       '01a9c5f2-77d1-5b6e-9f00-' || lpad(i::text || n, 12, '0')
  from (select *, 6 + i % 2 as moves from past where i % 2 = $1) p,
       generate_series(1, moves) as n
"""
_LANDINGS = """
insert into landings (service, environment, version, previous_version, run_id, at, guide_digest)
select service, environment, version, '1.0', id, asked_at + interval '20 min', $1
  from past where phase = 'succeeded' order by i
"""
_EVIDENCE = """
insert into evidence (id, run_id, service, environment, version, stage, colour, action, judged_at,
                      switched_at, looks, judge_version, guide_digest, body)
select 'e-' || id, id, service, environment, version, 'all', 'green', 'accept',
       asked_at + interval '19 min', asked_at, 60, '1', $1, $2
  from past where i % 10 = i / {services} % 10 or i < {old}
"""
_INBOX = """
insert into inbox (message_id, at)
select gen_random_uuid()::text, asked_at
  from past, generate_series(1, {messages}) where asked_at > now() - interval '14 days'
"""


@dataclass(frozen=True, slots=True)
class Filled:
    """What was put in."""

    snapshot_bytes: int
    looked_at: tuple[str, ...]
    """Runs from all of the past, to be looked at one by one."""
    took_s: float


async def a_finished_run() -> Run:
    """Return a run that succeeded, as the handlers leave it."""
    office = Office(messages.guide(watch=messages.watch()))
    await office.request(run_id="r-1")
    return await office.bring_to("r-1", Phase.SUCCEEDED)


async def fill(dsn: str, runs: int) -> Filled:
    """Put so many finished runs into an empty database."""
    began = time.perf_counter()
    run = await a_finished_run()
    names: dict[str, object] = {"runs": runs, "services": SERVICES, "old": OLD, "years_s": _YEARS_S}
    connection = await asyncpg.connect(dsn, command_timeout=1800)
    try:
        await connection.execute(_BULK)
        indexes = await _without_indexes(connection)
        await connection.execute(_PAST.format(**names))
        # Packed once and copied as packed: packing a million times would take minutes.
        await connection.execute("create table pattern (snapshot json)")
        await connection.execute("insert into pattern values ($1)", _pattern(run))
        await asyncio.gather(
            *(_in_halves(dsn, statement) for statement in (_RUNS, _TRANSITIONS)),
            _others(dsn, run.guide_digest or ""),
        )
        for statement in indexes:
            await connection.execute(statement)
        rows = await connection.fetch(_LOOKED_AT, runs // LOOKED_AT)
        ids = [str(row["id"]) for row in rows]
        await connection.execute(_OWN_SNAPSHOT, ids)
        await connection.execute("drop table past, pattern")
        await connection.execute("vacuum analyze")
        await connection.execute("checkpoint")
    finally:
        await connection.close()
    return Filled(len(run.model_dump_json()), tuple(ids), time.perf_counter() - began)


async def _without_indexes(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    """Drop the indexes that no constraint needs; return what makes them again."""
    rows = await connection.fetch(
        "select indexdef, indexname from pg_indexes where schemaname = 'public' and not exists"
        " (select from pg_constraint where conname = indexname)"
    )
    for row in rows:
        await connection.execute(f"drop index {row['indexname']}")
    return [str(row["indexdef"]) for row in rows]


async def _in_halves(dsn: str, statement: str) -> None:
    await asyncio.gather(*(_run(dsn, statement, half) for half in (0, 1)))


async def _others(dsn: str, digest: str) -> None:
    await _run(dsn, _LANDINGS, digest)
    # Random bytes: what is packed already packs no further.
    body = bytes((i * 167 + i // 7) % 256 for i in range(_EVIDENCE_BYTES))
    await _run(dsn, _EVIDENCE.format(old=OLD, services=SERVICES), digest, body)
    await _run(dsn, _INBOX.format(messages=_MESSAGES))


async def _run(dsn: str, statement: str, *values: object) -> None:
    connection = await asyncpg.connect(dsn, command_timeout=1800)
    try:
        await connection.execute(_BULK)
        await connection.execute(statement, *values)
    finally:
        await connection.close()


def _pattern(run: Run) -> str:
    """The snapshot, with places for what differs from run to run."""
    said = json.loads(run.model_dump_json())
    said |= {name: f"§{name}§" for name in ("id", "service", "environment", "version", "phase")}
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False)


def sizes_of(names: Sequence[str]) -> str:
    """The query for the sizes in bytes of these tables and of their indexes."""
    of = ", ".join(f"'{name}'" for name in names)
    return (
        "select c.relname as name, pg_total_relation_size(c.oid) as bytes, c.relkind = 'i' as idx"
        "  from pg_class c left join pg_index x on x.indexrelid = c.oid"
        f" where c.relname in ({of}) or x.indrelid::regclass::text in ({of})"
        " order by 1"
    )
