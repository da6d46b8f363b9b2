-- Runs, their history, the messages they led to, and what runs where.

create table runs (
    id text primary key,
    kind text not null,
    service text not null,
    environment text not null,
    version text,
    previous_version text,
    phase text not null,
    stage text,
    edition bigint not null default 1,
    emergency boolean not null default false,
    requested_by text not null,
    requested_at timestamptz not null,
    updated_at timestamptz not null,
    deadline timestamptz,
    due_at timestamptz,
    reason text not null default '',
    snapshot json not null
);

-- The lock on a place: one run that is neither waiting nor ended, whatever the code believes.
create unique index runs_one_active on runs (service, environment)
    where phase in ('preflight', 'awaiting_approval', 'deploying', 'verifying', 'watching',
                    'held', 'rolling_back', 'verifying_rollback', 'recording');
create index runs_waiting on runs (service, environment, emergency desc, requested_at, id)
    where phase = 'queued';
create index runs_due on runs (due_at) where due_at is not null;
create index runs_recent on runs (requested_at desc);
create index runs_recent_by_place on runs (service, environment, requested_at desc);

create table transitions (
    id bigint generated always as identity primary key,
    run_id text not null references runs (id),
    revision integer not null,
    at timestamptz not null,
    from_phase text not null,
    to_phase text not null,
    stage text,
    actor text not null,
    reason text not null,
    cause text
);
create index transitions_of_run on transitions (run_id, id);
-- A move happens once, whoever tries to write it again; a refused request moves nothing.
create unique index transitions_once on transitions (run_id, revision)
    where from_phase <> to_phase;

create table inbox (
    message_id text primary key,
    at timestamptz not null default now()
);
create index inbox_by_age on inbox (at);

create table outbox (
    id bigint generated always as identity primary key,
    message_id text not null,
    stream text not null,
    subject text not null,
    body bytea not null,
    traceparent text,
    reminder integer not null default 0,
    at timestamptz not null default now()
);

-- What no stream would take: kept for a person, since a run waits for it.
create table parked (
    id bigint generated always as identity primary key,
    message_id text not null,
    stream text not null,
    subject text not null,
    body bytea not null,
    why text not null,
    at timestamptz not null default now()
);

create table guides (
    digest text primary key,
    text text not null,
    model json not null,
    at timestamptz not null default now()
);

create table landings (
    id bigint generated always as identity primary key,
    service text not null,
    environment text not null,
    version text not null,
    previous_version text,
    run_id text,
    at timestamptz not null,
    migration json,
    guide_digest text,
    undone_at timestamptz,
    undone_by text
);
create index landings_standing on landings (service, environment, id desc)
    where undone_at is null;
create index runs_proofs on runs (service, environment, updated_at desc)
    where phase = 'rolled_back';
create index runs_changes on runs (service, environment, updated_at desc)
    where phase = any (array['succeeded', 'rolled_back', 'rollback_failed']);
