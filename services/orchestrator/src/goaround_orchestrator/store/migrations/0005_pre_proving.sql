-- How migrations went on scratch copies, and what runs proposed to correct in guides.

-- One row for each rehearsal: of a run's pre-flight, under the run's id, or asked for by itself.
create table rehearsals (
    id text collate "C" primary key,
    service text not null,
    environment text not null,
    version text not null,
    at timestamptz not null,
    outcome text not null,
    result json not null,
    migrations json not null
);
create index rehearsals_recent on rehearsals (at desc, id desc);
create index rehearsals_recent_of_service on rehearsals (service, at desc, id desc, environment);
create index rehearsals_recent_of_environment on rehearsals (environment, at desc, id desc);

-- One row for each proposal, however many runs make it.
create table corrections (
    id text collate "C" primary key,
    service text not null,
    environment text not null,
    field text not null,
    run_id text not null,
    at timestamptz not null,
    times integer not null default 1,
    -- The runs that were counted last, so that none is counted twice.
    counted text[] not null,
    guide_name text not null,
    correction json not null,
    state text not null default 'open',
    actor text,
    because text,
    decided_at timestamptz
);
create index corrections_recent on corrections (at desc, id desc);
create index corrections_recent_of_service on corrections (service, at desc, id desc);
create index corrections_decided on corrections (decided_at) where state <> 'open';
