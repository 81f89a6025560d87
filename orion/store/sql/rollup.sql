-- The roll-up of finished flow runs by the minute of their expected start.

-- name: finished
-- What is counted of a run, if it is finished.
SELECT flow_id, deployment_id, state_type, state_name, total_run_time, expected_start_time, start_time
FROM flow_run
WHERE id = :id AND expected_start_time IS NOT NULL
    AND state_type IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED');

-- name: count_minute
-- Count runs in, or out with n = -1; one shard may go below zero then, the sum over the shards does not.
INSERT INTO flow_run_minute (minute, flow_id, deployment_id, state_type, state_name, n, run_time, lateness)
VALUES (:minute, :flow_id, :deployment_id, :type, :name, :n, :run_time, :lateness)
ON CONFLICT (minute, flow_id, deployment_id, state_type, state_name, shard) DO UPDATE SET
    n = flow_run_minute.n + excluded.n,
    run_time = flow_run_minute.run_time + excluded.run_time,
    lateness = flow_run_minute.lateness + excluded.lateness;

-- name: span
-- The first and the last expected start of a flow's runs.
SELECT min(expected_start_time), max(expected_start_time) FROM flow_run WHERE flow_id = :flow_id;

-- name: delete_flow
-- Drop what is counted of a flow.
DELETE FROM flow_run_minute WHERE minute BETWEEN :first AND :last AND flow_id = :flow_id;
