-- The first schema, one text for SQLite and PostgreSQL.
--
-- {id} a UUID as text; {text} text that is compared or sorted, byte by byte on both; {time} a moment (integer
-- microseconds or timestamptz); TEXT alone is prose or opaque JSON, kept as it came. Filter and sort columns stand
-- first in a row, wide ones last. States, logs and events are only ever added.

-- Flows and deployments ------------------------------------------------------------------------------------------

CREATE TABLE flow (
    id {id} PRIMARY KEY,
    created {time} NOT NULL,
    updated {time} NOT NULL,
    name {text} NOT NULL UNIQUE,
    tags TEXT NOT NULL DEFAULT '[]',
    labels TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX flow_created ON flow (created, id);
CREATE INDEX flow_updated ON flow (updated, id);

CREATE TABLE flow_tag (
    flow_id {id} NOT NULL REFERENCES flow (id) ON DELETE CASCADE,
    tag {text} NOT NULL,
    PRIMARY KEY (flow_id, tag)
) {without_rowid};
CREATE INDEX flow_tag_tag ON flow_tag (tag, flow_id);

CREATE TABLE deployment (
    id {id} PRIMARY KEY,
    created {time} NOT NULL,
    updated {time} NOT NULL,
    name {text} NOT NULL,
    flow_id {id} NOT NULL REFERENCES flow (id) ON DELETE CASCADE,
    paused BOOLEAN NOT NULL DEFAULT FALSE,
    work_queue_name {text},
    work_queue_id {id},
    last_polled {time},
    schedule_version BIGINT NOT NULL DEFAULT 1,  -- grows with every edit that planned runs depend on
    version TEXT,
    description TEXT,
    enforce_parameter_schema BOOLEAN NOT NULL DEFAULT FALSE,
    concurrency_limit BIGINT,
    concurrency_options TEXT,
    storage_document_id {id},
    infrastructure_document_id {id},
    path TEXT,
    entrypoint TEXT,
    manifest_path TEXT,
    client TEXT,                                 -- the SDK that made it, as its User-Agent said
    created_by TEXT,
    updated_by TEXT,
    tags TEXT NOT NULL DEFAULT '[]',
    labels TEXT NOT NULL DEFAULT '{}',
    parameters TEXT NOT NULL DEFAULT '{}',
    job_variables TEXT NOT NULL DEFAULT '{}',
    parameter_openapi_schema TEXT,
    pull_steps TEXT,
    UNIQUE (flow_id, name)
);
CREATE INDEX deployment_name ON deployment (name, id);
CREATE INDEX deployment_created ON deployment (created, id);
CREATE INDEX deployment_updated ON deployment (updated, id);
CREATE INDEX deployment_work_queue ON deployment (work_queue_name, id);

CREATE TABLE deployment_tag (
    deployment_id {id} NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    tag {text} NOT NULL,
    PRIMARY KEY (deployment_id, tag)
) {without_rowid};
CREATE INDEX deployment_tag_tag ON deployment_tag (tag, deployment_id);

CREATE TABLE deployment_schedule (
    id {id} PRIMARY KEY,
    created {time} NOT NULL,
    updated {time} NOT NULL,
    deployment_id {id} NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    schedule TEXT NOT NULL,
    active BOOLEAN NOT NULL DEFAULT TRUE,
    max_active_runs BIGINT,
    max_scheduled_runs BIGINT,
    catchup BOOLEAN,
    parameters TEXT NOT NULL DEFAULT '{}',
    slug {text},
    scheduled_until {time}                       -- the cursor: due times up to here are planned or skipped
);
CREATE INDEX deployment_schedule_deployment ON deployment_schedule (deployment_id, id);
CREATE INDEX deployment_schedule_due ON deployment_schedule (scheduled_until, deployment_id) WHERE active;

CREATE TABLE schedule_skip (
    id {id} PRIMARY KEY,
    created {time} NOT NULL,
    deployment_id {id} NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    schedule_id {id},
    from_time {time} NOT NULL,
    to_time {time} NOT NULL,
    count BIGINT NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX schedule_skip_deployment ON schedule_skip (deployment_id, from_time);

-- Flow runs ------------------------------------------------------------------------------------------------------

CREATE TABLE flow_run (
    id {id} PRIMARY KEY,
    created {time} NOT NULL,
    updated {time} NOT NULL,
    name {text} NOT NULL,
    flow_id {id} NOT NULL REFERENCES flow (id) ON DELETE CASCADE,
    deployment_id {id},
    parent_task_run_id {id},
    state_id {id},
    state_type {text},
    state_name {text},
    state_timestamp {time},
    run_count BIGINT NOT NULL DEFAULT 0,
    expected_start_time {time},
    next_scheduled_start_time {time},
    start_time {time},
    end_time {time},
    total_run_time DOUBLE PRECISION NOT NULL DEFAULT 0,
    auto_scheduled BOOLEAN NOT NULL DEFAULT FALSE,
    schedule_id {id},
    work_queue_name {text},
    work_queue_id {id},
    claimed_by {text},                           -- hand-out to a poller, until claim_until
    claim_until {time},
    attempt_token TEXT,                          -- fences the holder of this attempt
    lease_until {time},
    heartbeat {time},
    submit_count BIGINT NOT NULL DEFAULT 0,
    infrastructure_pid TEXT,
    infrastructure_document_id {id},
    idempotency_key {text},
    flow_version {text},
    deployment_version TEXT,
    created_by TEXT,
    empirical_policy TEXT NOT NULL DEFAULT '{}',
    tags TEXT NOT NULL DEFAULT '[]',
    labels TEXT NOT NULL DEFAULT '{}',
    parameters TEXT NOT NULL DEFAULT '{}',
    context TEXT NOT NULL DEFAULT '{}',
    job_variables TEXT NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX flow_run_key ON flow_run (flow_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX flow_run_expected ON flow_run (expected_start_time, id);
CREATE INDEX flow_run_began ON flow_run (COALESCE(start_time, expected_start_time), id);
CREATE INDEX flow_run_start ON flow_run (start_time, id) WHERE start_time IS NOT NULL;
CREATE INDEX flow_run_end ON flow_run (end_time {desc_nulls_last}, id DESC);
CREATE INDEX flow_run_next ON flow_run (next_scheduled_start_time, id);
CREATE INDEX flow_run_name ON flow_run (name, id);
CREATE INDEX flow_run_flow ON flow_run (flow_id, expected_start_time, id);
CREATE INDEX flow_run_deployment ON flow_run (deployment_id, expected_start_time, id) WHERE deployment_id IS NOT NULL;
CREATE INDEX flow_run_parent ON flow_run (parent_task_run_id) WHERE parent_task_run_id IS NOT NULL;
CREATE INDEX flow_run_state_type ON flow_run (state_type, expected_start_time, id);
CREATE INDEX flow_run_live ON flow_run (expected_start_time, id)
    WHERE state_type IN ('SCHEDULED', 'PENDING', 'RUNNING', 'PAUSED', 'CANCELLING');
CREATE INDEX flow_run_due ON flow_run (next_scheduled_start_time, id) WHERE state_type = 'SCHEDULED';
CREATE INDEX flow_run_queue_due ON flow_run (work_queue_name, next_scheduled_start_time, id)
    WHERE state_type = 'SCHEDULED';
CREATE INDEX flow_run_queue_busy ON flow_run (work_queue_name)
    WHERE state_type IN ('PENDING', 'RUNNING', 'CANCELLING');
CREATE INDEX flow_run_lease ON flow_run (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX flow_run_claim ON flow_run (claim_until) WHERE claim_until IS NOT NULL;

CREATE TABLE flow_run_tag (
    flow_run_id {id} NOT NULL REFERENCES flow_run (id) ON DELETE CASCADE,
    tag {text} NOT NULL,
    PRIMARY KEY (flow_run_id, tag)
) {without_rowid};
CREATE INDEX flow_run_tag_tag ON flow_run_tag (tag, flow_run_id);

CREATE TABLE flow_run_state (
    id {id} PRIMARY KEY,
    flow_run_id {id} NOT NULL REFERENCES flow_run (id) ON DELETE CASCADE,
    type {text} NOT NULL,
    name {text} NOT NULL,
    timestamp {time} NOT NULL,
    transition_id {id},                          -- a repeated transition gets this row's answer again
    answer TEXT,
    reason TEXT,
    message TEXT,
    state_details TEXT NOT NULL DEFAULT '{}',
    data TEXT
);
CREATE INDEX flow_run_state_run ON flow_run_state (flow_run_id, timestamp, id);
CREATE UNIQUE INDEX flow_run_state_transition ON flow_run_state (flow_run_id, transition_id)
    WHERE transition_id IS NOT NULL;

CREATE TABLE flow_run_input (
    id {id} PRIMARY KEY,
    created {time} NOT NULL,
    updated {time} NOT NULL,
    flow_run_id {id} NOT NULL REFERENCES flow_run (id) ON DELETE CASCADE,
    key {text} NOT NULL,
    value TEXT NOT NULL,
    sender TEXT,
    UNIQUE (flow_run_id, key)
);

-- Task runs ------------------------------------------------------------------------------------------------------

CREATE TABLE task_run (
    id {id} PRIMARY KEY,
    created {time} NOT NULL,
    updated {time} NOT NULL,
    name {text} NOT NULL,
    flow_run_id {id} REFERENCES flow_run (id) ON DELETE CASCADE,
    task_key {text} NOT NULL,
    dynamic_key {text} NOT NULL,
    state_id {id},
    state_type {text},
    state_name {text},
    state_timestamp {time},
    run_count BIGINT NOT NULL DEFAULT 0,
    flow_run_run_count BIGINT NOT NULL DEFAULT 0,
    expected_start_time {time},
    next_scheduled_start_time {time},
    start_time {time},
    end_time {time},
    total_run_time DOUBLE PRECISION NOT NULL DEFAULT 0,
    cache_key {text},
    cache_expiration {time},
    task_version TEXT,
    empirical_policy TEXT NOT NULL DEFAULT '{}',
    tags TEXT NOT NULL DEFAULT '[]',
    labels TEXT NOT NULL DEFAULT '{}',
    task_inputs TEXT NOT NULL DEFAULT '{}',
    UNIQUE (flow_run_id, task_key, dynamic_key)
);
CREATE INDEX task_run_flow_run ON task_run (flow_run_id, expected_start_time {desc_nulls_last}, id DESC);
CREATE INDEX task_run_expected ON task_run (expected_start_time {desc_nulls_last}, id DESC);
CREATE INDEX task_run_start ON task_run (start_time, id) WHERE start_time IS NOT NULL;
CREATE INDEX task_run_end ON task_run (end_time {desc_nulls_last}, id DESC);
CREATE INDEX task_run_next ON task_run (next_scheduled_start_time, id);
CREATE INDEX task_run_name ON task_run (name, id);
CREATE INDEX task_run_state_type ON task_run (state_type, expected_start_time, id);
CREATE INDEX task_run_live ON task_run (expected_start_time, id)
    WHERE state_type IN ('SCHEDULED', 'PENDING', 'RUNNING', 'PAUSED', 'CANCELLING');

CREATE TABLE task_run_tag (
    task_run_id {id} NOT NULL REFERENCES task_run (id) ON DELETE CASCADE,
    tag {text} NOT NULL,
    PRIMARY KEY (task_run_id, tag)
) {without_rowid};
CREATE INDEX task_run_tag_tag ON task_run_tag (tag, task_run_id);

CREATE TABLE task_run_state (
    id {id} PRIMARY KEY,
    task_run_id {id} NOT NULL REFERENCES task_run (id) ON DELETE CASCADE,
    type {text} NOT NULL,
    name {text} NOT NULL,
    timestamp {time} NOT NULL,
    transition_id {id},
    answer TEXT,
    reason TEXT,
    message TEXT,
    state_details TEXT NOT NULL DEFAULT '{}',
    data TEXT
);
CREATE INDEX task_run_state_run ON task_run_state (task_run_id, timestamp, id);
CREATE UNIQUE INDEX task_run_state_transition ON task_run_state (task_run_id, transition_id)
    WHERE transition_id IS NOT NULL;

CREATE TABLE task_run_cache (
    cache_key {text} NOT NULL,
    created {time} NOT NULL,
    state_id {id} NOT NULL REFERENCES task_run_state (id) ON DELETE CASCADE,
    cache_expiration {time},
    PRIMARY KEY (cache_key, created, state_id)
) {without_rowid};
CREATE INDEX task_run_cache_state ON task_run_cache (state_id);
CREATE INDEX task_run_cache_expiration ON task_run_cache (cache_expiration) WHERE cache_expiration IS NOT NULL;

-- Queues, agents, limits -----------------------------------------------------------------------------------------

CREATE TABLE work_queue (
    id {id} PRIMARY KEY,
    created {time} NOT NULL,
    updated {time} NOT NULL,
    name {text} NOT NULL UNIQUE,
    description TEXT,
    is_paused BOOLEAN NOT NULL DEFAULT FALSE,
    concurrency_limit BIGINT,
    priority BIGINT NOT NULL DEFAULT 1,
    filter TEXT,
    last_polled {time}
);

CREATE TABLE agent (
    id {id} PRIMARY KEY,
    created {time} NOT NULL,
    updated {time} NOT NULL,
    name {text} NOT NULL,
    work_queue_id {id} NOT NULL REFERENCES work_queue (id) ON DELETE CASCADE,
    last_seen {time} NOT NULL,
    UNIQUE (work_queue_id, name)
);

CREATE TABLE concurrency_limit (                 -- the limit of tag "a" is named "tag:a"
    id {id} PRIMARY KEY,
    created {time} NOT NULL,
    updated {time} NOT NULL,
    name {text} NOT NULL UNIQUE,
    slot_limit BIGINT NOT NULL,
    active BOOLEAN NOT NULL DEFAULT TRUE,
    active_slots DOUBLE PRECISION NOT NULL DEFAULT 0,
    denied_slots DOUBLE PRECISION NOT NULL DEFAULT 0,
    slot_decay_per_second DOUBLE PRECISION NOT NULL DEFAULT 0,
    avg_slot_occupancy_seconds DOUBLE PRECISION NOT NULL DEFAULT 2,
    slots_at {time}                              -- when active_slots was last counted
);

CREATE TABLE concurrency_slot (
    limit_id {id} NOT NULL REFERENCES concurrency_limit (id) ON DELETE CASCADE,
    task_run_id {id} NOT NULL REFERENCES task_run (id) ON DELETE CASCADE,
    PRIMARY KEY (limit_id, task_run_id)
) {without_rowid};
CREATE INDEX concurrency_slot_task_run ON concurrency_slot (task_run_id);

CREATE TABLE concurrency_lease (
    id {id} NOT NULL,
    limit_id {id} NOT NULL REFERENCES concurrency_limit (id) ON DELETE CASCADE,
    created {time} NOT NULL,
    slots BIGINT NOT NULL,
    lease_until {time} NOT NULL,
    holder_type TEXT,
    holder_id {id},
    PRIMARY KEY (id, limit_id)
) {without_rowid};
CREATE INDEX concurrency_lease_limit ON concurrency_lease (limit_id);
CREATE INDEX concurrency_lease_until ON concurrency_lease (lease_until);

-- Logs and events ------------------------------------------------------------------------------------------------

CREATE TABLE log (                               -- no reference to runs: lines may come before them
    id {id} PRIMARY KEY,
    created {time} NOT NULL,
    timestamp {time} NOT NULL,
    flow_run_id {id},
    task_run_id {id},
    level BIGINT NOT NULL,
    source {id},
    seq BIGINT,
    name TEXT NOT NULL,
    message TEXT NOT NULL
) {without_rowid};
CREATE INDEX log_timestamp ON log (timestamp, id);
CREATE INDEX log_flow_run ON log (flow_run_id, timestamp, id) WHERE flow_run_id IS NOT NULL;
CREATE INDEX log_task_run ON log (task_run_id, timestamp, id) WHERE task_run_id IS NOT NULL;
CREATE UNIQUE INDEX log_source ON log (source, seq) WHERE source IS NOT NULL AND seq IS NOT NULL;

CREATE TABLE event (
    id {id} PRIMARY KEY,
    occurred {time} NOT NULL,
    received {time} NOT NULL,
    event {text} NOT NULL,
    resource_id {text} NOT NULL,
    follows {id},
    resource TEXT NOT NULL,
    related TEXT NOT NULL DEFAULT '[]',
    payload TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX event_occurred ON event (occurred, id);
CREATE INDEX event_resource ON event (resource_id, occurred, id);

-- Blocks, variables, artifacts, searches -------------------------------------------------------------------------

CREATE TABLE block_type (
    id {id} PRIMARY KEY,
    created {time} NOT NULL,
    updated {time} NOT NULL,
    name {text} NOT NULL UNIQUE,
    slug {text} NOT NULL UNIQUE,
    logo_url TEXT,
    documentation_url TEXT,
    description TEXT,
    code_example TEXT,
    is_protected BOOLEAN NOT NULL DEFAULT FALSE
);

CREATE TABLE block_schema (
    id {id} PRIMARY KEY,
    created {time} NOT NULL,
    updated {time} NOT NULL,
    checksum {text} NOT NULL,
    version {text} NOT NULL,
    block_type_id {id} NOT NULL REFERENCES block_type (id) ON DELETE CASCADE,
    capabilities TEXT NOT NULL DEFAULT '[]',
    fields TEXT NOT NULL,
    UNIQUE (checksum, version)
);
CREATE INDEX block_schema_type ON block_schema (block_type_id, created);

CREATE TABLE block_document (
    id {id} PRIMARY KEY,
    created {time} NOT NULL,
    updated {time} NOT NULL,
    name {text} NOT NULL,
    block_type_id {id} NOT NULL REFERENCES block_type (id) ON DELETE CASCADE,
    block_schema_id {id} NOT NULL REFERENCES block_schema (id) ON DELETE CASCADE,
    is_anonymous BOOLEAN NOT NULL DEFAULT FALSE,
    data TEXT NOT NULL,
    UNIQUE (block_type_id, name)
);
CREATE INDEX block_document_schema ON block_document (block_schema_id);
CREATE INDEX block_document_name ON block_document (name, id);

CREATE TABLE block_document_reference (
    id {id} PRIMARY KEY,
    name {text} NOT NULL,
    parent_id {id} NOT NULL REFERENCES block_document (id) ON DELETE CASCADE,
    child_id {id} NOT NULL REFERENCES block_document (id) ON DELETE CASCADE,
    UNIQUE (parent_id, name)
);
CREATE INDEX block_document_reference_child ON block_document_reference (child_id);

CREATE TABLE variable (
    id {id} PRIMARY KEY,
    created {time} NOT NULL,
    updated {time} NOT NULL,
    name {text} NOT NULL UNIQUE,
    value TEXT NOT NULL,
    tags TEXT NOT NULL DEFAULT '[]'
);

CREATE TABLE variable_tag (
    variable_id {id} NOT NULL REFERENCES variable (id) ON DELETE CASCADE,
    tag {text} NOT NULL,
    PRIMARY KEY (variable_id, tag)
) {without_rowid};
CREATE INDEX variable_tag_tag ON variable_tag (tag, variable_id);

CREATE TABLE artifact (
    id {id} PRIMARY KEY,
    created {time} NOT NULL,
    updated {time} NOT NULL,
    key {text},
    type {text},
    flow_run_id {id},
    task_run_id {id},
    description TEXT,
    metadata_ TEXT,
    data TEXT
);
CREATE INDEX artifact_key ON artifact (key, id) WHERE key IS NOT NULL;
CREATE INDEX artifact_flow_run ON artifact (flow_run_id, id) WHERE flow_run_id IS NOT NULL;
CREATE INDEX artifact_task_run ON artifact (task_run_id, id) WHERE task_run_id IS NOT NULL;
CREATE INDEX artifact_created ON artifact (created, id);

CREATE TABLE artifact_collection (               -- one row a key: which artifact is its newest
    id {id} PRIMARY KEY,
    created {time} NOT NULL,
    updated {time} NOT NULL,
    key {text} NOT NULL UNIQUE,
    latest_id {id} NOT NULL
);

CREATE TABLE saved_search (
    id {id} PRIMARY KEY,
    created {time} NOT NULL,
    updated {time} NOT NULL,
    name {text} NOT NULL UNIQUE,
    filters TEXT NOT NULL DEFAULT '[]'
);

-- Notifications --------------------------------------------------------------------------------------------------

CREATE TABLE flow_run_notification_policy (
    id {id} PRIMARY KEY,
    created {time} NOT NULL,
    updated {time} NOT NULL,
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    block_document_id {id} NOT NULL,
    state_names TEXT NOT NULL DEFAULT '[]',
    tags TEXT NOT NULL DEFAULT '[]',
    message_template TEXT
);

CREATE TABLE notification_outbox (
    id {id} PRIMARY KEY,
    created {time} NOT NULL,
    policy_id {id} NOT NULL REFERENCES flow_run_notification_policy (id) ON DELETE CASCADE,
    flow_run_state_id {id} NOT NULL,
    flow_run_id {id} NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    next_attempt {time},                         -- null: not yet tried, due at once
    claim_until {time},
    delivered {time},
    dead {time},
    last_error TEXT,
    UNIQUE (policy_id, flow_run_state_id)
);
CREATE INDEX notification_outbox_due ON notification_outbox (next_attempt) WHERE delivered IS NULL AND dead IS NULL;
CREATE INDEX notification_outbox_flow_run ON notification_outbox (flow_run_id);

-- Roll-ups, duties, settings -------------------------------------------------------------------------------------

-- Finished runs by the minute of their expected start, live ones are counted from their rows. A row may be split
-- into shards so that two PostgreSQL connections seldom wait for each other; readers sum them.

CREATE TABLE flow_run_minute (
    minute {time} NOT NULL,
    flow_id {id} NOT NULL,
    deployment_id {id} NOT NULL DEFAULT '',
    state_type {text} NOT NULL,
    state_name {text} NOT NULL,
    shard BIGINT NOT NULL DEFAULT {shard},
    n BIGINT NOT NULL,
    run_time DOUBLE PRECISION NOT NULL,
    lateness DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (state_type, state_name, minute, flow_id, deployment_id, shard)
) {without_rowid};

CREATE TABLE counter (                           -- rows of big tables, kept by triggers; sum over the shards
    name {text} NOT NULL,
    shard BIGINT NOT NULL DEFAULT {shard},
    n BIGINT NOT NULL,
    PRIMARY KEY (name, shard)
) {without_rowid};

CREATE TABLE service_lease (
    name {text} PRIMARY KEY,
    holder {text} NOT NULL,
    until {time} NOT NULL
);

CREATE TABLE service_run (
    name {text} PRIMARY KEY,
    last_started {time},
    last_finished {time},
    last_error TEXT,
    count BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE setting (
    name {text} PRIMARY KEY,
    value TEXT NOT NULL,
    updated {time} NOT NULL
);
