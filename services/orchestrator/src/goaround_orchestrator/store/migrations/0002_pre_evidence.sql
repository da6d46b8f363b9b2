-- What verdicts rest on, what people say of runs, and who else was under way.

-- One row for each verdict, some kilobytes to some hundred.
create table evidence (
    id text collate "C" primary key,
    run_id text not null references runs (id) on delete cascade,
    service text not null,
    environment text not null,
    version text not null,
    stage text not null,
    colour text not null,
    action text not null,
    judged_at timestamptz not null,
    switched_at timestamptz not null,
    looks integer not null,
    judge_version text not null,
    guide_digest text,
    body bytea not null
);
-- The body is zlib as it came, a quarter smaller than its text; nothing is gained by packing it again.
alter table evidence alter column body set storage external;
create index evidence_of_run on evidence (run_id, judged_at desc, id desc);
create index evidence_recent on evidence (judged_at desc, id desc);
create index evidence_recent_of_service on evidence (service, judged_at desc, id desc);

create table labels (
    id bigint generated always as identity primary key,
    run_id text not null references runs (id) on delete cascade,
    label text not null,
    actor text not null,
    at timestamptz not null,
    because text not null
);
create index labels_of_run on labels (run_id, id desc);

-- Whether something else was being changed beside a run that went badly.
create index runs_under_way on runs (environment, updated_at desc)
    where phase = any (array['deploying', 'verifying', 'watching', 'held', 'rolling_back',
                             'verifying_rollback', 'recording']);
create index runs_ended on runs (environment, updated_at desc)
    where phase = any (array['succeeded', 'rolled_back', 'rollback_failed']);
