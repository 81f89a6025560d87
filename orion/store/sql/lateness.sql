-- Lateness: many runs that nobody has started become late in a few statements.

-- name: look
-- What marking must know of some runs that are late, held until the transaction ends. One that somebody else holds is
-- about to change: it is left out.
SELECT id, state_id, state_timestamp, flow_id, deployment_id, work_queue_name, tags,
       attempt_token IS NULL AND lease_until IS NULL AND parent_task_run_id IS NULL AND expected_start_time IS NOT NULL
FROM flow_run WHERE id IN {listed:ids} ORDER BY id {skip_locked};

-- name: mark
-- Late runs, each [id, id of the new state, when it begins, when the run was due, the same as text].
UPDATE flow_run SET updated = :now, state_id = late.state_id, state_name = 'Late',
    state_timestamp = {moment:late.begins}, next_scheduled_start_time = {moment:late.due}
FROM (
    SELECT {field:run.0} AS id, {field:run.1} AS state_id, CAST({field:run.2} AS BIGINT) AS begins,
        CAST({field:run.3} AS BIGINT) AS due
    FROM {listed:runs} AS run
) AS late
WHERE flow_run.id = late.id;

-- name: add_states
-- The states that late runs have entered. What their details do not say reads as it does by default.
INSERT INTO flow_run_state (id, flow_run_id, type, name, timestamp, answer, state_details)
SELECT late.state_id, late.id, 'SCHEDULED', 'Late', {moment:late.begins}, 'ACCEPT',
    '{"flow_run_id":"' || late.id || '","scheduled_time":"' || late.due || '"}'
FROM (
    SELECT {field:run.0} AS id, {field:run.1} AS state_id, CAST({field:run.2} AS BIGINT) AS begins, {field:run.4} AS due
    FROM {listed:runs} AS run
) AS late;
