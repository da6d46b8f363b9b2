-- What a million finished runs must not make slower. See docs/decisions/0018-growth.md.

-- A run is written some eight times, and each time into every index that holds its row. So the
-- indexes that lists are read from are two kinds: one small one of what is under way, and those of
-- what has ended, which are written once.
create index runs_live on runs (requested_at desc, id collate "C")
    where phase not in ('succeeded', 'rolled_back', 'rollback_failed', 'rejected', 'aborted',
                        'superseded');
create index runs_past on runs (requested_at desc, id collate "C")
    where phase = any (array['succeeded', 'rolled_back', 'rollback_failed', 'rejected', 'aborted',
                             'superseded']);
-- The environment stands last: it is compared in the index, before a row is fetched.
create index runs_past_of_service on runs (service, requested_at desc, id collate "C", environment)
    where phase = any (array['succeeded', 'rolled_back', 'rollback_failed', 'rejected', 'aborted',
                             'superseded']);
create index runs_past_of_environment on runs (environment, requested_at desc, id collate "C")
    where phase = any (array['succeeded', 'rolled_back', 'rollback_failed', 'rejected', 'aborted',
                             'superseded']);
-- Most runs succeed: who asks for those finds them without an index.
create index runs_past_seldom on runs (phase, requested_at desc, id collate "C")
    where phase = any (array['rolled_back', 'rollback_failed', 'rejected', 'aborted',
                             'superseded']);

create index evidence_recent_of_environment on evidence (environment, judged_at desc, id desc);

-- What was put aside long ago.
create index parked_by_age on parked (at);

-- A run leaves some seven dead rows, each with its snapshot, and dead entries where the sweeper looks
-- for what is due. The usual fifth of the table would be hundreds of thousands of them.
alter table runs set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000,
                      toast.autovacuum_vacuum_scale_factor = 0.01,
                      toast.autovacuum_vacuum_threshold = 4000);
alter table inbox set (autovacuum_vacuum_scale_factor = 0.05);
