-- Every query there is, by name. Python holds no SQL.

-- name: first_time
-- One row the first time a message is seen, none after.
insert into inbox (message_id) values ($1) on conflict do nothing returning true;

-- name: read_run
-- A run and its edition, locked until the transaction ends.
select snapshot, edition from runs where id = $1 for update;

-- name: look_at_run
-- A run, to be looked at only.
select snapshot from runs where id = $1;

-- name: lock_place
-- Nobody else is admitted to the place until the transaction ends.
select pg_advisory_xact_lock(hashtextextended($1 || '/' || $2, 0));

-- name: active_run
-- The run that holds the place.
select snapshot, edition from runs
 where service = $1 and environment = $2
   and phase in ('preflight', 'awaiting_approval', 'deploying', 'verifying', 'watching',
                 'held', 'rolling_back', 'verifying_rollback', 'recording')
   for update;

-- name: waiting_runs
-- The runs that wait for the place, in the order of their turns: a rollback waits for none of them.
select snapshot, edition from runs
 where service = $1 and environment = $2 and phase = 'queued'
 order by (kind = 'rollback') desc, emergency desc, requested_at, id
   for update;

-- name: add_run
-- One row if the run is new.
insert into runs (id, kind, service, environment, version, previous_version, phase, stage,
                  emergency, requested_by, requested_at, updated_at, deadline, due_at, reason,
                  snapshot)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
on conflict (id) do nothing returning true;

-- name: save_run
-- The guarded update: one row only over the edition that was read.
update runs
   set version = $3, previous_version = $4, phase = $5, stage = $6, updated_at = $7,
       deadline = $8, due_at = $9, reason = $10, snapshot = $11, edition = edition + 1
 where id = $1 and edition = $2
returning edition;

-- name: add_transition
-- One line of a run's history.
insert into transitions (run_id, revision, at, from_phase, to_phase, stage, actor, reason, cause)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: history
-- A run's history, in its order.
select revision, at, from_phase, to_phase, stage, actor, reason
  from transitions where run_id = $1 order by id;

-- name: post
-- A message to be sent once the transaction is in.
insert into outbox (message_id, stream, subject, body, traceparent, reminder)
values ($1, $2, $3, $4, $5, $6);

-- name: ring
-- Wakes the relays.
select pg_notify('goaround_outbox', '');

-- name: take_posted
-- Messages to send, taken by this relay alone; they come back if its transaction does not commit.
delete from outbox where id in (
    select id from outbox order by id for update skip locked limit $1
) returning id, message_id, stream, subject, body, traceparent, reminder;

-- name: park
-- A message that can never be sent, put aside.
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

-- name: forget_messages
-- Forgets the oldest handled messages, a bounded number at a time.
with old as (select message_id from inbox where at < $1 limit 10000)
delete from inbox using old where inbox.message_id = old.message_id returning true;

-- name: running
-- What runs at the place, by the record.
select service, environment, version, previous_version, run_id, at, migration, guide_digest
  from landings
 where service = $1 and environment = $2 and undone_at is null
 order by id desc limit 1;

-- name: land
-- A version came to run.
insert into landings (service, environment, version, previous_version, run_id, at, migration,
                      guide_digest)
values ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: undo
-- A version was taken back: it no longer stands.
update landings set undone_at = $4, undone_by = $3
 where id = (select id from landings
              where service = $1 and environment = $2 and undone_at is null
              order by id desc limit 1);

-- name: last_proof
-- When a rollback was last proven there.
select max(updated_at) as at from runs
 where service = $1 and environment = $2 and phase = 'rolled_back';

-- name: stranded
-- The last run of the place that changed anything, to see whether its way back failed.
select snapshot from runs
 where service = $1 and environment = $2
   and phase = any (array['succeeded', 'rolled_back', 'rollback_failed'])
 order by updated_at desc, id limit 1;

-- name: pin_guide
-- Keeps the very text of a guide.
insert into guides (digest, text, model) values ($1, $2, $3) on conflict do nothing;

-- name: read_guide
-- The very text of a guide, and its model.
select text, model from guides where digest = $1;

-- name: list_runs
-- Runs for a list, newest first; a null condition is none.
select id, kind, service, environment, version, previous_version, phase, stage, emergency,
       requested_by, requested_at, updated_at, deadline, reason
  from runs
 where ($1::text is null or service = $1)
   and ($2::text is null or environment = $2)
   and ($3::text is null or phase = $3)
   and (not $4 or phase not in ('succeeded', 'rolled_back', 'rollback_failed', 'rejected',
                                'aborted', 'superseded'))
   and ($5::timestamptz is null or requested_at < $5)
 order by requested_at desc, id
 limit $6;

-- name: list_running
-- What runs where.
select distinct on (service, environment)
       service, environment, version, previous_version, run_id, at
  from landings
 where undone_at is null
   and ($1::text is null or service = $1)
   and ($2::text is null or environment = $2)
 order by service, environment, id desc;

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
select e.id, e.run_id, e.service, e.environment, e.version, e.stage, e.colour, e.action,
       e.judged_at, e.switched_at, e.looks, e.judge_version, e.guide_digest, r.phase,
       l.label, l.actor, l.at, l.because
  from evidence e
  join runs r on r.id = e.run_id
  left join lateral (select label, actor, at, because from labels
                      where run_id = e.run_id order by id desc limit 1) l on true
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
select e.id, e.run_id, e.service, e.environment, e.version, e.stage, e.colour, e.action,
       e.judged_at, e.switched_at, e.looks, e.judge_version, e.guide_digest, r.phase,
       l.label, l.actor, l.at, l.because
  from evidence e
  join runs r on r.id = e.run_id
  left join lateral (select label, actor, at, because from labels
                      where run_id = e.run_id order by id desc limit 1) l on true
 where ($1::text is null or e.environment = $1)
   and e.judged_at >= $2
   and (e.judged_at, e.id) < ($3, $4)
 order by e.judged_at desc, e.id desc
 limit $5;

-- name: list_evidence_of_service
-- The same, of one service.
select e.id, e.run_id, e.service, e.environment, e.version, e.stage, e.colour, e.action,
       e.judged_at, e.switched_at, e.looks, e.judge_version, e.guide_digest, r.phase,
       l.label, l.actor, l.at, l.because
  from evidence e
  join runs r on r.id = e.run_id
  left join lateral (select label, actor, at, because from labels
                      where run_id = e.run_id order by id desc limit 1) l on true
 where e.service = $6
   and ($1::text is null or e.environment = $1)
   and e.judged_at >= $2
   and (e.judged_at, e.id) < ($3, $4)
 order by e.judged_at desc, e.id desc
 limit $5;

-- name: forget_evidence
-- Forgets the oldest evidence, a bounded number at a time.
with old as (select id from evidence where judged_at < $1 order by judged_at limit $2)
delete from evidence using old where evidence.id = old.id returning true;

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
