-- Every query there is, by name. Python holds no SQL. What several say alike is a part, and stands
-- in their text in braces.

-- part: a_run
-- What a list tells of a run.
id, kind, service, environment, version, previous_version, phase, stage, emergency,
       requested_by, requested_at, updated_at, deadline, reason
  from runs

-- part: has_ended
-- Nothing more will become of it; an index has the same words.
phase = any (array['succeeded', 'rolled_back', 'rollback_failed', 'rejected', 'aborted',
                             'superseded'])

-- part: runs_from_a_place
-- So many runs, newest first, from a place in the list on.
requested_at <= $3 and (requested_at < $3 or id collate "C" > $4)
 order by requested_at desc, id collate "C"
 limit $5

-- part: a_verdict
-- What a list tells of a verdict, with the run's newest label.
e.id, e.run_id, e.service, e.environment, e.version, e.stage, e.colour, e.action,
       e.judged_at, e.switched_at, e.looks, e.judge_version, e.guide_digest, r.phase,
       l.label, l.actor, l.at, l.because
  from evidence e
  join runs r on r.id = e.run_id
  left join lateral (select label, actor, at, because from labels
                      where run_id = e.run_id order by id desc limit 1) l on true

-- part: verdicts_from_a_place
-- So many verdicts since a time, newest first, from a place in the list on.
e.judged_at >= $1
   and (e.judged_at, e.id) < ($2, $3)
 order by e.judged_at desc, e.id desc
 limit $4

-- name: take
-- Notes which messages are handled for the first time, and locks runs; one that is known in its
-- present edition comes without its snapshot.
with fresh as (
    insert into inbox (message_id) select unnest($1::text[])
    on conflict do nothing returning message_id
), held as (
    select r.id, r.edition, case when r.edition <> k.edition then r.snapshot end as snapshot
      from unnest($2::text[], $3::bigint[]) as k (id, edition)
      join runs r on r.id = k.id
     order by r.id
       for update of r
)
select message_id, null as id, null as edition, null as snapshot from fresh
 union all
select null, id, edition, snapshot from held;

-- name: read_runs
-- Runs by their ids, and all that hold or wait for these places, locked until the transaction
-- ends; everybody locks them in the order of their ids.
select snapshot, edition from runs
 where id = any (array(
    select unnest($1::text[])
     union all
    select r.id from unnest($2::text[], $3::text[]) as p (service, environment)
      join runs r on r.service = p.service and r.environment = p.environment
       and r.phase in ('preflight', 'awaiting_approval', 'deploying', 'verifying', 'watching',
                       'held', 'rolling_back', 'verifying_rollback', 'recording')
     union all
    select r.id from unnest($2::text[], $3::text[]) as p (service, environment)
      join runs r on r.service = p.service and r.environment = p.environment
       and r.phase = 'queued'))
 order by id
   for update;

-- name: look_at_run
-- A run, to be looked at only.
select snapshot from runs where id = $1;

-- name: lock_places
-- Nobody else is admitted to these places until the transaction ends.
select pg_advisory_xact_lock(hashtextextended(p.service || '/' || p.environment, 0))
  from unnest($1::text[], $2::text[]) as p (service, environment)
 order by p.service, p.environment;

-- part: given_runs
-- Runs as a write is given them.
unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
              $8::text[], $9::text[], $10::boolean[], $11::text[], $12::timestamptz[],
              $13::timestamptz[], $14::timestamptz[], $15::timestamptz[], $16::text[], $17::text[])
    as n (edition, id, kind, service, environment, version, previous_version, phase, stage,
          emergency, requested_by, requested_at, updated_at, deadline, due_at, reason, snapshot)

-- part: the_rest
-- What goes with runs that are written: lines of their histories in their order, versions that came
-- to run, messages to be sent once the transaction is in; and those that were sent are forgotten,
-- but for what somebody else is sending. Says which runs were written, and the places of messages.
moved as (
    insert into transitions (run_id, revision, at, from_phase, to_phase, stage, actor, reason, cause)
    select * from unnest($18::text[], $19::integer[], $20::timestamptz[], $21::text[], $22::text[],
                         $23::text[], $24::text[], $25::text[], $26::text[])
), landed as (
    insert into landings (service, environment, version, previous_version, run_id, at, migration,
                          guide_digest)
    select service, environment, version, previous_version, run_id, at, migration::json,
           guide_digest
      from unnest($27::text[], $28::text[], $29::text[], $30::text[], $31::text[],
                  $32::timestamptz[], $33::text[], $34::text[])
        as n (service, environment, version, previous_version, run_id, at, migration, guide_digest)
), posted as (
    insert into outbox (message_id, stream, subject, body, traceparent, reminder)
    select * from unnest($35::text[], $36::text[], $37::text[], $38::bytea[], $39::text[],
                         $40::integer[])
    returning id
), forgotten as (
    delete from outbox where id in (
        select id from outbox where id = any ($41::bigint[]) for update skip locked)
)
select id as run_id, null as letter from written
 union all
select null, id from posted

-- name: add_runs
-- New runs, and what goes with them; those whose id is taken are left out.
with written as (
    insert into runs (edition, id, kind, service, environment, version, previous_version, phase,
                      stage, emergency, requested_by, requested_at, updated_at, deadline, due_at,
                      reason, snapshot)
    select edition, id, kind, service, environment, version, previous_version, phase, stage,
           emergency, requested_by, requested_at, updated_at, deadline, due_at, reason,
           snapshot::json
      from {given_runs}
    on conflict (id) do nothing returning id
), {the_rest};

-- part: guarded
-- The guarded update: only over the editions that were read.
written as (
    update runs
       set version = n.version, previous_version = n.previous_version, phase = n.phase,
           stage = n.stage, updated_at = n.updated_at, deadline = n.deadline, due_at = n.due_at,
           reason = n.reason, snapshot = n.snapshot::json, edition = runs.edition + 1
      from {given_runs}
     where runs.id = n.id and runs.edition = n.edition
    returning runs.id
)

-- name: save_runs
-- Runs that were read, and what goes with them.
with {guarded}, {the_rest};

-- name: settle
-- The same, and the messages that led to it are handled: all of it if each message is new and each
-- run has the edition that it is remembered with. Else nothing: a message that is noted twice is an
-- error, which undoes the statement, and where a run was not written each is noted twice.
with {guarded}, noted as (
    insert into inbox (message_id)
    select message_id from unnest($42::text[]) as m (message_id)
     cross join generate_series(
        1, case when (select count(*) from written) = cardinality($2::text[]) then 1 else 2 end)
), {the_rest};

-- name: history
-- A run's history, in its order.
select revision, at, from_phase, to_phase, stage, actor, reason
  from transitions where run_id = $1 order by id;

-- name: take_posted
-- Messages to send that have waited so long, taken by this relay alone; they come back if its
-- transaction does not commit.
delete from outbox where id in (
    select id from outbox where at <= now() - $2::interval order by id
       for update skip locked limit $1
) returning id, message_id, stream, subject, body, traceparent, reminder;

-- name: forget_posted
-- Messages that were sent, but for what somebody else is sending.
delete from outbox where id in (
    select id from outbox where id = any ($1::bigint[]) for update skip locked);

-- name: park
-- A message that can never be sent, put aside.
with gone as (delete from outbox where id = $6)
insert into parked (message_id, stream, subject, body, why) values ($1, $2, $3, $4, $5);

-- name: posted
-- How many messages wait to be sent, and since when.
select count(*) as waiting, min(at) as since from outbox;

-- name: due_runs
-- The runs to look at, the longest overdue first.
select id from runs where due_at <= $1 order by due_at limit $2;

-- name: free_places
-- Where runs wait though nothing is active.
select distinct q.service, q.environment from runs q
 where q.phase = 'queued' and not exists (
    select 1 from runs a
     where a.service = q.service and a.environment = q.environment
       and a.phase in ('preflight', 'awaiting_approval', 'deploying', 'verifying', 'watching',
                       'held', 'rolling_back', 'verifying_rollback', 'recording'))
 limit $1;

-- name: with_waiting
-- The places among these where runs wait.
select distinct service, environment from runs
 where phase = 'queued'
   and (service, environment) in (select * from unnest($1::text[], $2::text[]));

-- name: forget_messages
-- Forgets the oldest handled messages, a bounded number at a time.
with old as (select message_id from inbox where at < $1 order by at limit $2
                for update skip locked)
delete from inbox using old where inbox.message_id = old.message_id returning true;

-- part: what_runs
-- What runs at a place p, by the record.
select version, previous_version, run_id, at, migration, guide_digest
      from landings
     where service = p.service and environment = p.environment and undone_at is null
     order by id desc limit 1

-- name: running_at
-- What runs at these places, by the record.
select p.service, p.environment, landed.*
  from unnest($1::text[], $2::text[]) as p (service, environment)
 cross join lateral (
    {what_runs}) as landed;

-- name: undo
-- A version was taken back: it no longer stands.
update landings set undone_at = $4, undone_by = $3
 where id = (select id from landings
              where service = $1 and environment = $2 and undone_at is null
              order by id desc limit 1);

-- name: standing_at
-- What runs at these places, by the record; when a rollback was last proven there; and the last run
-- that changed anything there, if its way back failed.
select p.service, p.environment, landed.version, landed.previous_version, landed.run_id, landed.at,
       landed.migration, landed.guide_digest,
       (select max(updated_at) from runs
         where service = p.service and environment = p.environment
           and phase = 'rolled_back') as last_proof,
       (select case when c.phase = 'rollback_failed' then c.snapshot end
          from (select phase, snapshot from runs
                 where service = p.service and environment = p.environment
                   and phase = any (array['succeeded', 'rolled_back', 'rollback_failed'])
                 order by updated_at desc, id limit 1) as c) as last
  from unnest($1::text[], $2::text[]) as p (service, environment)
  left join lateral (
    {what_runs}) as landed on true;

-- name: pin_guide
-- Keeps the very text of a guide.
insert into guides (digest, text, model) values ($1, $2, $3) on conflict do nothing;

-- name: read_guide
-- The very text of a guide, and its model.
select text, model from guides where digest = $1;

-- name: list_live
-- Runs under way, newest first, from a place in the list on; a null condition is none.
select {a_run}
 where phase not in ('succeeded', 'rolled_back', 'rollback_failed', 'rejected', 'aborted',
                     'superseded')
   and ($1::text is null or service = $1)
   and ($2::text is null or environment = $2)
   and ($6::text is null or phase = $6)
   and {runs_from_a_place};

-- name: list_past
-- Ended runs, newest first, from a place in the list on: where no other index serves.
select {a_run}
 where {has_ended}
   and ($1::text is null or service = $1)
   and ($2::text is null or environment = $2)
   and ($6::text is null or phase = $6)
   and {runs_from_a_place};

-- name: list_past_of_service
-- The same, of one service.
select {a_run}
 where {has_ended}
   and service = $1
   and ($2::text is null or environment = $2)
   and ($6::text is null or phase = $6)
   and {runs_from_a_place};

-- name: list_past_of_place
-- The same, of one service in one environment.
select {a_run}
 where {has_ended}
   and service = $1
   and environment = $2
   and ($6::text is null or phase = $6)
   and {runs_from_a_place};

-- name: list_past_of_environment
-- The same, of one environment.
select {a_run}
 where {has_ended}
   and ($1::text is null or service = $1)
   and environment = $2
   and ($6::text is null or phase = $6)
   and {runs_from_a_place};

-- name: list_past_seldom
-- The same, in one of the phases that few runs end in.
select {a_run}
 where phase = any (array['rolled_back', 'rollback_failed', 'rejected', 'aborted',
                             'superseded'])
   and ($1::text is null or service = $1)
   and ($2::text is null or environment = $2)
   and phase = $6
   and {runs_from_a_place};

-- name: list_running
-- What runs where. It goes from place to place in the index: landings are as many as runs, places few.
with recursive places as (
    (select service, environment from landings
      where undone_at is null
      order by service, environment limit 1)
    union all
    select n.service, n.environment from places p
     cross join lateral (
        select service, environment from landings
         where undone_at is null and (service, environment) > (p.service, p.environment)
         order by service, environment limit 1) n
)
select l.service, l.environment, l.version, l.previous_version, l.run_id, l.at
  from places p
 cross join lateral (
    select service, environment, version, previous_version, run_id, at from landings
     where service = p.service and environment = p.environment and undone_at is null
     order by id desc limit 1) l
 where ($1::text is null or p.service = $1)
   and ($2::text is null or p.environment = $2)
 order by p.service, p.environment;

-- name: keep_evidence
-- The evidence of a verdict, once; false if its run is not known. The guide is the run's pinned one.
with known as (
    select id, service, environment, snapshot ->> 'guide_digest' as guide_digest
      from runs where id = $2
), kept as (
    insert into evidence (id, run_id, service, environment, version, stage, colour, action,
                          judged_at, switched_at, looks, judge_version, guide_digest, body)
    select $1, id, service, environment, $3, $4, $5, $6, $7, $8, $9, $10, guide_digest, $11
      from known
    on conflict (id) do nothing
)
select count(*) = 1 from known;

-- name: verdicts
-- The newest verdicts of a run whose evidence is kept, each with the run's newest label.
select {a_verdict}
 where e.run_id = $1
 order by e.judged_at desc, e.id desc
 limit $2;

-- name: recording
-- The packed recording of one verdict.
select body from evidence where id = $1;

-- name: evidence_place
-- Where a verdict stands in the list of all.
select judged_at from evidence where id = $1;

-- name: list_evidence
-- Verdicts of all services, newest first, from a place in the list on.
select {a_verdict}
 where {verdicts_from_a_place};

-- name: list_evidence_of_service
-- The same, of one service.
select {a_verdict}
 where e.service = $5
   and ($6::text is null or e.environment = $6)
   and {verdicts_from_a_place};

-- name: list_evidence_of_environment
-- The same, of one environment.
select {a_verdict}
 where e.environment = $5
   and {verdicts_from_a_place};

-- name: forget_evidence
-- Forgets the oldest evidence, a bounded number at a time.
with old as (select id from evidence where judged_at < $1 order by judged_at limit $2
                for update skip locked)
delete from evidence using old where evidence.id = old.id returning true;

-- name: forget_parked
-- Forgets the oldest messages that were put aside, a bounded number at a time.
with old as (select id from parked where at < $1 order by at limit $2 for update skip locked)
delete from parked using old where parked.id = old.id returning true;

-- name: old_runs
-- Runs that ended before then, the oldest first, from a place among them on; locked, so that nobody
-- labels one that is being forgotten. Whom somebody else holds is not waited for.
select id, requested_at, updated_at from runs
 where phase = any (array['succeeded', 'rolled_back', 'rollback_failed', 'rejected', 'aborted',
                          'superseded'])
   and requested_at < $1
   and requested_at >= $2 and (requested_at > $2 or id collate "C" < $3)
 order by requested_at, id collate "C" desc
 limit $4
   for update skip locked;

-- name: forget_runs
-- Forgets these runs with their histories, but those that something rests on: evidence, a label
-- given since then, what runs now or ran before it, the last change and the last proven rollback.
with gone as (
    select r.id from runs r
     where r.id = any ($1) and r.updated_at < $2
       and not exists (select from evidence e where e.run_id = r.id)
       and not exists (select from labels l where l.run_id = r.id and l.at >= $2)
       and not exists (
            select from (select run_id from landings
                          where service = r.service and environment = r.environment
                            and undone_at is null
                          order by id desc limit 2) standing
             where standing.run_id = r.id)
       and r.id is distinct from (
            select c.id from runs c
             where c.service = r.service and c.environment = r.environment
               and c.phase = any (array['succeeded', 'rolled_back', 'rollback_failed'])
             order by c.updated_at desc, c.id limit 1)
       and r.id is distinct from (
            select c.id from runs c
             where c.service = r.service and c.environment = r.environment
               and c.phase = 'rolled_back'
             order by c.updated_at desc, c.id limit 1)
), histories as (
    delete from transitions using gone where transitions.run_id = gone.id
)
delete from runs using gone where runs.id = gone.id returning runs.id;

-- name: old_landings
-- Landings from a place among them on, the oldest first.
select id, at from landings where id > $1 order by id limit $2;

-- name: forget_landings
-- Forgets these landings, but what runs at a place, and what ran there before it.
delete from landings l
 where l.id = any ($1) and coalesce(l.undone_at < $2, true)
   and l.id <> all (array(
        select id from landings
         where service = l.service and environment = l.environment and undone_at is null
         order by id desc limit 2))
returning true;

-- name: label
-- What a person says of a run; no row where the newest label says the very same.
insert into labels (run_id, label, actor, at, because)
select $1, $2, $3, $4, $5
 where not exists (
    select from (select label, actor, because from labels
                  where run_id = $1 order by id desc limit 1) newest
     where newest.label = $2 and newest.actor = $3 and newest.because = $5)
returning true;

-- name: labels
-- The newest labels of a run.
select label, actor, at, because from labels where run_id = $1 order by id desc limit $2;

-- name: neighbours
-- Other runs of the environment that were changing something at that time, newest first.
(select id, kind, service, version, phase, updated_at from runs
  where environment = $1 and id <> $2
    and phase = any (array['deploying', 'verifying', 'watching', 'held', 'rolling_back',
                           'verifying_rollback', 'recording'])
  order by updated_at desc limit $4)
union all
(select id, kind, service, version, phase, updated_at from runs
  where environment = $1 and id <> $2
    and phase = any (array['succeeded', 'rolled_back', 'rollback_failed'])
    and updated_at >= $3
  order by updated_at desc limit $4)
order by updated_at desc, id
limit $4;

-- name: condition
-- What somebody who looks after the system asks of its database. Nothing here reads past all runs.
select now() as at,
       (select max(number) from schema_migrations) as schema,
       (select count(*) from outbox) as waiting,
       (select min(at) from outbox) as waiting_since,
       (select count(*) from parked) as parked,
       (select max(at) from parked) as parked_last,
       (select greatest(reltuples, 0)::bigint from pg_class where oid = 'runs'::regclass) as runs;

-- name: live_by_phase
-- How many runs are in each phase that is no end.
select phase, count(*) as runs from runs
 where phase not in ('succeeded', 'rolled_back', 'rollback_failed', 'rejected', 'aborted',
                     'superseded')
 group by phase;

-- name: lingering
-- Runs that were due before one time, or wait for a short answer since another; the overdue first.
select snapshot from runs
 where phase not in ('succeeded', 'rolled_back', 'rollback_failed', 'rejected', 'aborted',
                     'superseded')
   and (due_at < $1
        or updated_at < $2
           and phase = any (array['preflight', 'deploying', 'verifying', 'rolling_back',
                                  'verifying_rollback', 'recording']))
 order by due_at < $1 desc nulls last, due_at, id
 limit $3;

-- part: a_rehearsal
-- What is kept of a rehearsal.
id as rehearsal_id, service, environment, version, result, migrations from rehearsals

-- part: a_correction
-- What is kept of a correction.
correction, service, environment, run_id, at, times, guide_name, state, actor, because, decided_at

-- name: keep_rehearsal
-- A rehearsal, once; where it is told again, the later one counts.
insert into rehearsals (id, service, environment, version, at, outcome, result, migrations)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (id) do update
   set service = excluded.service, environment = excluded.environment, version = excluded.version,
       at = excluded.at, outcome = excluded.outcome, result = excluded.result,
       migrations = excluded.migrations
 where excluded.at >= rehearsals.at;

-- name: rehearsal
-- One rehearsal.
select {a_rehearsal}
 where id = $1;

-- name: last_rehearsal
-- The newest rehearsal of a place that told something.
select {a_rehearsal}
 where service = $1 and environment = $2 and outcome <> 'errored'
 order by at desc, id desc
 limit 1;

-- name: list_rehearsals
-- Rehearsals of all services, newest first.
select {a_rehearsal}
 order by at desc, id desc
 limit $1;

-- name: list_rehearsals_of_service
-- The same, of one service.
select {a_rehearsal}
 where service = $2 and ($3::text is null or environment = $3)
 order by at desc, id desc
 limit $1;

-- name: list_rehearsals_of_environment
-- The same, of one environment.
select {a_rehearsal}
 where environment = $2
 order by at desc, id desc
 limit $1;

-- name: forget_rehearsals
-- Forgets the oldest rehearsals, a bounded number at a time.
with old as (select id from rehearsals where at < $1 order by at limit $2 for update skip locked)
delete from rehearsals using old where rehearsals.id = old.id returning true;

-- name: propose
-- What a run proposes to correct, and how each proposal stands. A run counts once; what was decided
-- on stays in the words that were decided on. What an earlier run said of the same field at the same
-- place, and nobody has decided on, makes room: the latest word is the one to decide on.
with given as (
    select * from unnest($1::text[], $2::text[], $3::text[]) as g (id, field, correction)
), overtaken as (
    delete from corrections c using given g
     where c.service = $4 and c.environment = $5 and c.field = g.field and c.state = 'open'
       and c.run_id <> $6 and c.at < $7
       and c.id <> all ($1)
)
insert into corrections (id, field, correction, service, environment, run_id, at, guide_name,
                         counted)
select id, field, correction::json, $4, $5, $6, $7, $8, array[$6] from given order by id
on conflict (id) do update
   set times = corrections.times + (excluded.run_id <> all (corrections.counted))::integer,
       counted = case when excluded.run_id = any (corrections.counted) then corrections.counted
                      else (excluded.run_id || corrections.counted)[:$9] end,
       run_id = case when excluded.at >= corrections.at then excluded.run_id
                     else corrections.run_id end,
       environment = case when excluded.at >= corrections.at and corrections.state = 'open'
                          then excluded.environment else corrections.environment end,
       guide_name = case when excluded.at >= corrections.at and corrections.state = 'open'
                         then excluded.guide_name else corrections.guide_name end,
       correction = case when excluded.at >= corrections.at and corrections.state = 'open'
                         then excluded.correction else corrections.correction end,
       at = greatest(excluded.at, corrections.at)
returning id, state;

-- name: decide_correction
-- A person's word on a correction, unless there is one.
update corrections set state = $2, actor = $3, because = $4, decided_at = $5
 where id = $1 and state = 'open'
returning {a_correction};

-- name: correction
-- One correction.
select {a_correction}
  from corrections where id = $1;

-- name: list_corrections
-- Corrections of the guides of all services, newest first.
select {a_correction}
  from corrections
 where ($2::text is null or state = $2)
 order by at desc, id desc
 limit $1;

-- name: list_corrections_of_service
-- The same, of one service's guide.
select {a_correction}
  from corrections
 where service = $3 and ($2::text is null or state = $2)
 order by at desc, id desc
 limit $1;

-- name: forget_corrections
-- Forgets corrections that were decided on and are not proposed any more, so many at a time.
with old as (select id from corrections where state <> 'open' and decided_at < $1 and at < $1
              order by decided_at limit $2 for update skip locked)
delete from corrections using old where corrections.id = old.id returning true;
