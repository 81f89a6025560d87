-- Planning: what the clock reads and writes to turn schedules into runs.

-- name: lock
-- The deployment to plan, held until the transaction ends, so that two planners take turns.
SELECT id, flow_id, paused, version, work_queue_name, work_queue_id, infrastructure_document_id, tags, labels,
       parameters, job_variables
FROM deployment WHERE id = :deployment_id {for_update};

-- name: lock_all
-- The same of some deployments. All planners lock them in one order.
SELECT id, flow_id, paused, version, work_queue_name, work_queue_id, infrastructure_document_id, tags, labels,
       parameters, job_variables
FROM deployment WHERE id IN {listed:ids} ORDER BY id {for_update};

-- name: schedules_of
-- The schedules of some deployments.
SELECT id, deployment_id, schedule, active, max_scheduled_runs, catchup, parameters, scheduled_until
FROM deployment_schedule WHERE deployment_id IN {listed:ids} ORDER BY deployment_id, id;

-- name: find
-- The deployment whose runs are looked at.
SELECT id, flow_id, paused, version, work_queue_name, work_queue_id, infrastructure_document_id, tags, labels,
       parameters, job_variables
FROM deployment WHERE id = :deployment_id;

-- name: schedules
-- The schedules of a deployment.
SELECT id, deployment_id, schedule, active, max_scheduled_runs, catchup, parameters, scheduled_until
FROM deployment_schedule WHERE deployment_id = :deployment_id ORDER BY id;

-- name: active
-- Every schedule that may be due for planning.
SELECT s.id, s.deployment_id, s.schedule, s.active, s.max_scheduled_runs, s.catchup, s.parameters, s.scheduled_until
FROM deployment_schedule s JOIN deployment d ON d.id = s.deployment_id
WHERE s.active AND NOT d.paused ORDER BY s.deployment_id, s.id;

-- name: known
-- Which of these keys have a run already.
SELECT idempotency_key FROM flow_run WHERE flow_id = :flow_id AND idempotency_key IN {listed:keys};

-- name: add_runs
-- Planned runs, each [id, state id, name, due, due as text, number of its plan], of some plans, each [number, what its
-- runs have in common]; the ids of those that were not there. CROSS keeps SQLite to the order of the runs.
INSERT INTO flow_run (id, created, updated, name, flow_id, deployment_id, deployment_version, state_id, state_type,
    state_name, state_timestamp, expected_start_time, next_scheduled_start_time, auto_scheduled, schedule_id,
    work_queue_name, work_queue_id, infrastructure_document_id, idempotency_key, created_by, tags, labels, parameters,
    job_variables)
WITH plan AS MATERIALIZED (
    SELECT CAST({field:plan.0} AS BIGINT) AS number, {field:plan.1} AS flow_id, {field:plan.2} AS deployment_id,
        {field:plan.3} AS deployment_version, {field:plan.4} AS schedule_id, {field:plan.5} AS work_queue_name,
        {field:plan.6} AS work_queue_id, {field:plan.7} AS infrastructure_document_id, {field:plan.8} AS created_by,
        {field:plan.9} AS tags, {field:plan.10} AS labels, {field:plan.11} AS parameters,
        {field:plan.12} AS job_variables
    FROM {listed:plans} AS plan
)
SELECT run.id, :now, :now, run.name, plan.flow_id, plan.deployment_id, plan.deployment_version, run.state_id,
    'SCHEDULED', 'Scheduled', :now, {moment:run.due}, {moment:run.due}, TRUE, plan.schedule_id,
    plan.work_queue_name, plan.work_queue_id, plan.infrastructure_document_id,
    'scheduled ' || plan.schedule_id || ' ' || run.due, plan.created_by, plan.tags, plan.labels, plan.parameters,
    plan.job_variables
FROM (
    SELECT {field:run.0} AS id, {field:run.1} AS state_id, {field:run.2} AS name, CAST({field:run.3} AS BIGINT) AS due,
        CAST({field:run.5} AS BIGINT) AS plan
    FROM {listed:runs} AS run
) AS run CROSS JOIN plan
WHERE plan.number = run.plan
ON CONFLICT DO NOTHING RETURNING id;

-- name: add_states
-- The first states of planned runs. What their details do not say reads as it does by default.
INSERT INTO flow_run_state (id, flow_run_id, type, name, timestamp, message, state_details)
SELECT {field:run.1}, {field:run.0}, 'SCHEDULED', 'Scheduled', :now, 'Flow run scheduled',
    '{"flow_run_id":"' || {field:run.0} || '","scheduled_time":"' || {field:run.4} || '"}'
FROM {listed:runs} AS run;

-- name: add_tags
-- The tags of planned runs, with the time of each, so that the runs of a tag are found by time.
INSERT INTO flow_run_tag (flow_run_id, tag, expected_start_time)
SELECT flow_run.id, tag.value, flow_run.expected_start_time
FROM {listed:ids} AS planned CROSS JOIN flow_run CROSS JOIN {items:flow_run.tags} AS tag
WHERE flow_run.id = planned.value;

-- name: count_runs
-- Planned runs that were added, where no trigger counts them.
INSERT INTO counter (name, n) VALUES ('flow_run', :added) ON CONFLICT (name, shard) DO UPDATE SET n = n + :added;

-- name: move_cursor
-- Due times up to here are planned or skipped. The cursor never goes back.
UPDATE deployment_schedule SET scheduled_until = :until
WHERE id = :id AND (scheduled_until IS NULL OR scheduled_until < :until);

-- name: rewind
-- Plan anew from now on; what was missed before stays to be caught up with.
UPDATE deployment_schedule SET scheduled_until = :now
WHERE deployment_id = :deployment_id AND scheduled_until > :now;

-- name: forget
-- A schedule that rests misses nothing.
UPDATE deployment_schedule SET scheduled_until = NULL
WHERE deployment_id = :deployment_id
  AND (NOT active OR (SELECT paused FROM deployment WHERE id = :deployment_id));

-- name: bump
-- A new plan for the deployment.
UPDATE deployment SET schedule_version = schedule_version + 1 WHERE id = :deployment_id;

-- name: overdue_planned
-- Planned runs whose time has come and that nobody has started, by schedule.
SELECT schedule_id, count(*), min(expected_start_time), max(expected_start_time)
FROM flow_run {by_index:flow_run_state_type}
WHERE deployment_id = :deployment_id AND auto_scheduled AND state_type = 'SCHEDULED' AND run_count = 0
  AND expected_start_time <= :now
GROUP BY schedule_id;

-- name: planned
-- Planned runs that nobody has started: those to come by their deployment, which may have a long past; those that
-- are overdue by their state, of which there are few.
SELECT id, idempotency_key, expected_start_time, tags FROM flow_run {by_index:flow_run_deployment}
WHERE deployment_id = :deployment_id AND expected_start_time > :now
  AND auto_scheduled AND state_type = 'SCHEDULED' AND run_count = 0
UNION ALL
SELECT id, idempotency_key, expected_start_time, tags FROM flow_run {by_index:flow_run_state_type}
WHERE deployment_id = :deployment_id AND expected_start_time <= :now
  AND auto_scheduled AND state_type = 'SCHEDULED' AND run_count = 0;

-- name: change_planned
-- Planned runs of one schedule take what their deployment says now.
UPDATE flow_run SET updated = :now, deployment_version = :deployment_version, work_queue_name = :work_queue_name,
    work_queue_id = :work_queue_id, infrastructure_document_id = :infrastructure_document_id, tags = :tags,
    labels = :labels, parameters = :parameters, job_variables = :job_variables
WHERE id IN {listed:runs};

-- name: untag
-- Planned runs lose their tags.
DELETE FROM flow_run_tag WHERE flow_run_id IN {listed:runs};

-- name: drop_planned
-- Planned runs whose time is no longer one of their schedule's.
DELETE FROM flow_run WHERE id IN {listed:runs};

-- name: overdue_of_schedule
-- Overdue runs of one schedule that no agent holds, newest first.
SELECT id, expected_start_time FROM flow_run {by_index:flow_run_state_type}
WHERE deployment_id = :deployment_id AND schedule_id = :schedule_id AND state_type = 'SCHEDULED' AND run_count = 0
  AND expected_start_time <= :now AND (claim_until IS NULL OR claim_until < :now)
ORDER BY expected_start_time DESC LIMIT :limit;

-- name: schedules_that_chose
-- The schedules of some planned runs whose deployments have chosen their catch-up.
SELECT DISTINCT flow_run.deployment_id, flow_run.schedule_id
FROM flow_run JOIN deployment ON deployment.id = flow_run.deployment_id
WHERE flow_run.id IN {listed:runs} AND flow_run.schedule_id IS NOT NULL
  AND deployment.labels LIKE '%"orion.catchup"%';

-- name: add_skip
-- Due times that will have no run, and why.
INSERT INTO schedule_skip (id, created, deployment_id, schedule_id, from_time, to_time, count, reason)
VALUES (:id, :created, :deployment_id, :schedule_id, :from_time, :to_time, :count, :reason);

-- name: skips
-- What a deployment has skipped, newest first.
SELECT id, created, deployment_id, schedule_id, from_time, to_time, count, reason FROM schedule_skip
WHERE deployment_id = :deployment_id ORDER BY from_time DESC LIMIT :limit;

-- name: overdue
-- Runs that should be marked late.
SELECT id, state_id, next_scheduled_start_time FROM flow_run
WHERE state_type = 'SCHEDULED' AND state_name = 'Scheduled' AND next_scheduled_start_time < :before
ORDER BY next_scheduled_start_time LIMIT :limit;

-- name: next_due
-- When the next run is due that is not late yet.
SELECT next_scheduled_start_time FROM flow_run
WHERE state_type = 'SCHEDULED' AND state_name = 'Scheduled' AND next_scheduled_start_time >= :after
ORDER BY next_scheduled_start_time LIMIT 1;
