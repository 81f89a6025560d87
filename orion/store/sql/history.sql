-- History. {run} is flow_run or task_run, {where} the condition that the filters mean. Times are compared as columns,
-- intervals are reckoned in microseconds: :start, :step and :count make the grid, :first and :last bound what counts.

-- name: rows
-- Runs by interval and state, from their rows.
SELECT ({micros:expected_start_time} - CAST(:start AS BIGINT)) / CAST(:step AS BIGINT), state_type, state_name,
    count(*), sum(run_time), sum(lateness)
FROM (
    SELECT {run}.expected_start_time, {run}.state_type, {run}.state_name,
        CASE
            WHEN {run}.state_type = 'RUNNING' AND {micros:{run}.state_timestamp} < CAST(:now AS BIGINT)
            THEN {run}.total_run_time + (CAST(:now AS BIGINT) - {micros:{run}.state_timestamp}) / 1000000.0
            ELSE {run}.total_run_time
        END AS run_time,
        CASE
            WHEN {run}.start_time > {run}.expected_start_time
            THEN ({micros:{run}.start_time} - {micros:{run}.expected_start_time}) / 1000000.0
            WHEN {run}.start_time IS NULL AND {micros:{run}.expected_start_time} < CAST(:now AS BIGINT)
                AND {run}.state_type NOT IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED')
            THEN (CAST(:now AS BIGINT) - {micros:{run}.expected_start_time}) / 1000000.0
            ELSE 0
        END AS lateness
    FROM {run}
    WHERE {run}.expected_start_time >= :first_time AND {run}.expected_start_time < :last_time
        AND {run}.state_type IS NOT NULL AND {where}
) AS run
GROUP BY 1, 2, 3;

-- name: minutes
-- Finished flow runs from the roll-up, where the whole minute lies in one interval and inside the bounds.
SELECT (at - CAST(:start AS BIGINT)) / CAST(:step AS BIGINT), state_type, state_name, sum(n), sum(run_time), sum(lateness)
FROM (
    SELECT {micros:minute} AS at, flow_id, NULLIF(deployment_id, '') AS deployment_id, state_type, state_name,
        n, run_time, lateness
    FROM flow_run_minute WHERE minute >= :first_time AND minute < :last_time
) AS flow_run
WHERE (at - CAST(:start AS BIGINT)) % CAST(:step AS BIGINT) + 60000000 <= CAST(:step AS BIGINT)
    AND at + 60000000 <= CAST(:last AS BIGINT) AND {where}
GROUP BY 1, 2, 3;

-- name: cut_minutes
-- Finished flow runs of the minutes that lie in two intervals or across the bounds, from their rows.
WITH RECURSIVE border (place, at) AS (
    SELECT CAST(0 AS BIGINT), CAST(:start AS BIGINT)
    UNION ALL
    SELECT place + 1, at + CAST(:step AS BIGINT) FROM border WHERE place < CAST(:count AS BIGINT)
), cut AS (
    SELECT DISTINCT at - at % 60000000 AS begin_at, at - at % 60000000 + 60000000 AS end_at
    FROM (
        SELECT at FROM border UNION ALL SELECT CAST(:first AS BIGINT) UNION ALL SELECT CAST(:last AS BIGINT)
    ) AS edge
    WHERE at % 60000000 <> 0
)
SELECT ({micros:flow_run.expected_start_time} - CAST(:start AS BIGINT)) / CAST(:step AS BIGINT),
    flow_run.state_type, flow_run.state_name, count(*), sum(flow_run.total_run_time),
    sum(CASE
        WHEN flow_run.start_time > flow_run.expected_start_time
        THEN ({micros:flow_run.start_time} - {micros:flow_run.expected_start_time}) / 1000000.0
        ELSE 0
    END)
FROM cut JOIN flow_run ON flow_run.expected_start_time >= {moment:cut.begin_at}
    AND flow_run.expected_start_time < {moment:cut.end_at}
WHERE flow_run.expected_start_time >= :first_time AND flow_run.expected_start_time < :last_time
    AND flow_run.state_type IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED') AND {where}
GROUP BY 1, 2, 3;

-- name: lateness
-- The average lateness of flow runs: of those that wait, as of now.
SELECT avg(CASE
    WHEN flow_run.start_time IS NOT NULL
    THEN ({micros:flow_run.start_time} - {micros:flow_run.expected_start_time}) / 1000000.0
    WHEN {micros:flow_run.expected_start_time} < CAST(:now AS BIGINT)
        AND flow_run.state_type NOT IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED')
    THEN (CAST(:now AS BIGINT) - {micros:flow_run.expected_start_time}) / 1000000.0
    ELSE 0
END)
FROM flow_run WHERE flow_run.expected_start_time IS NOT NULL AND {where};
