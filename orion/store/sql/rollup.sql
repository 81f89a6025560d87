-- The roll-ups of finished flow runs: by the minute of their expected start, and by its hour for each tag and queue.

-- name: finished
-- What is counted of a run, if it is finished.
SELECT flow_id, deployment_id, state_type, state_name, total_run_time, expected_start_time, start_time,
    work_queue_name, tags
FROM flow_run
WHERE id = :id AND expected_start_time IS NOT NULL
    AND state_type IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED') {for_update};

-- name: count_minute
-- Count runs in, or out with n = -1; one shard may go below zero then, the sum over the shards does not.
INSERT INTO flow_run_minute (minute, flow_id, deployment_id, state_type, state_name, n, run_time, lateness)
VALUES (:minute, :flow_id, :deployment_id, :type, :name, :n, :run_time, :lateness)
ON CONFLICT (minute, flow_id, deployment_id, state_type, state_name, shard) DO UPDATE SET
    n = flow_run_minute.n + excluded.n,
    run_time = flow_run_minute.run_time + excluded.run_time,
    lateness = flow_run_minute.lateness + excluded.lateness;

-- name: count_facets
-- The same for the hour and each of some facets.
INSERT INTO flow_run_facet_hour (facet, hour, state_type, state_name, n, run_time, lateness)
SELECT facet.value, :hour, :type, :name, :n, :run_time, :lateness FROM {listed:facets} AS facet WHERE TRUE
ON CONFLICT (facet, state_type, state_name, hour, shard) DO UPDATE SET
    n = flow_run_facet_hour.n + excluded.n,
    run_time = flow_run_facet_hour.run_time + excluded.run_time,
    lateness = flow_run_facet_hour.lateness + excluded.lateness;

-- name: drop_facets
-- Rows of them that count nothing any more: there may be a tag for every run.
DELETE FROM flow_run_facet_hour
WHERE facet IN {listed:facets} AND state_type = :type AND state_name = :name AND hour = :hour AND n = 0;

-- name: count_out_flow
-- Count the runs of a flow out of the hours of their tags and queues.
INSERT INTO flow_run_facet_hour (facet, hour, state_type, state_name, n, run_time, lateness)
SELECT facet, {hour:expected_start_time}, state_type, state_name, -count(*), -sum(total_run_time),
    -sum(CASE
        WHEN start_time > expected_start_time THEN ({micros:start_time} - {micros:expected_start_time}) / 1000000.0
        ELSE 0
    END)
FROM (
    SELECT 'tag:' || flow_run_tag.tag AS facet, flow_run.expected_start_time, flow_run.start_time,
        flow_run.state_type, flow_run.state_name, flow_run.total_run_time
    FROM flow_run JOIN flow_run_tag ON flow_run_tag.flow_run_id = flow_run.id WHERE flow_run.flow_id = :flow_id
    UNION ALL
    SELECT 'queue:' || work_queue_name, expected_start_time, start_time, state_type, state_name, total_run_time
    FROM flow_run WHERE flow_id = :flow_id AND work_queue_name IS NOT NULL
) AS run
WHERE state_type IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED') AND expected_start_time IS NOT NULL
GROUP BY 1, 2, 3, 4 ORDER BY 1, 3, 4, 2
ON CONFLICT (facet, state_type, state_name, hour, shard) DO UPDATE SET
    n = flow_run_facet_hour.n + excluded.n,
    run_time = flow_run_facet_hour.run_time + excluded.run_time,
    lateness = flow_run_facet_hour.lateness + excluded.lateness;

-- name: span
-- The first and the last expected start of a flow's runs.
SELECT min(expected_start_time), max(expected_start_time) FROM flow_run WHERE flow_id = :flow_id;

-- name: delete_flow
-- Drop what is counted of a flow.
DELETE FROM flow_run_minute WHERE minute BETWEEN :first AND :last AND flow_id = :flow_id;
