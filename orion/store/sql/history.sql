-- History. {run} is flow_run or task_run, {where} the condition that the filters mean. Times are compared as columns;
-- intervals are reckoned in microseconds, of :step from :start on.

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

-- name: counts
-- The same where only their numbers are wanted.
SELECT ({micros:{run}.expected_start_time} - CAST(:start AS BIGINT)) / CAST(:step AS BIGINT), {run}.state_type,
    {run}.state_name, count(*), 0, 0
FROM {run}
WHERE {run}.expected_start_time >= :first_time AND {run}.expected_start_time < :last_time
    AND {run}.state_type IS NOT NULL AND {where}
GROUP BY 1, 2, 3;

-- name: states_told
-- The numbers again, for SQLite, which would sort all rows to group them: for each cell one JSON array of how many runs it
-- has, and of the states of those that are not as most are.
WITH cell AS MATERIALIZED (
    SELECT CAST({field:one.0} AS BIGINT) AS place, CAST({field:one.1} AS BIGINT) AS first,
        CAST({field:one.2} AS BIGINT) AS last
    FROM {listed:cells} AS one
)
SELECT cell.place, (
    SELECT {array}(count(*), {list}({array}(flow_run.state_type, flow_run.state_name))
        FILTER (WHERE flow_run.state_name <> 'Completed' OR flow_run.state_type <> 'COMPLETED'))
    FROM flow_run
    WHERE flow_run.expected_start_time >= {moment:cell.first} AND flow_run.expected_start_time < {moment:cell.last}
        AND {where} AND flow_run.state_type IS NOT NULL
)
FROM cell;

-- name: rolled
-- Finished flow runs from a roll-up: for each cell (place, its first moment, and the one after its last) and each state,
-- one sum over a stretch of the primary key, since SQLite would sort all rows to group them, and PostgreSQL would read
-- them all. {sums} are those of n, run times and latenesses, or of n alone, which costs half.
WITH RECURSIVE kind (type, name) AS (
    SELECT column1, (SELECT min(state_name) FROM flow_run_hour WHERE state_type = column1)
    FROM (VALUES ('COMPLETED'), ('FAILED'), ('CRASHED'), ('CANCELLED')) AS one
    UNION ALL
    SELECT type, (SELECT min(state_name) FROM flow_run_hour WHERE state_type = type AND state_name > name)
    FROM kind WHERE name IS NOT NULL
), cell AS MATERIALIZED (
    SELECT CAST({field:one.0} AS BIGINT) AS place, CAST({field:one.1} AS BIGINT) AS first,
        CAST({field:one.2} AS BIGINT) AS last
    FROM {listed:cells} AS one
)
SELECT cell.place, kind.type, kind.name, (
    SELECT {array}({sums}) FROM ({rollup}) AS flow_run
    WHERE state_type = kind.type AND state_name = kind.name
        AND time >= {moment:cell.first} AND time < {moment:cell.last} AND {where}
)
FROM kind CROSS JOIN cell WHERE kind.name IS NOT NULL;

-- name: by_minute
-- The roll-up by minute.
SELECT minute AS time, flow_id, NULLIF(deployment_id, '') AS deployment_id, state_type, state_name, n, run_time, lateness
FROM flow_run_minute;

-- name: by_hour
-- The one by hour, which knows neither flows nor deployments.
SELECT hour AS time, state_type, state_name, n, run_time, lateness FROM flow_run_hour;

-- name: by_facet
-- The one by hour for tags and queues.
SELECT hour AS time, state_type, state_name, n, run_time, lateness FROM flow_run_facet_hour WHERE facet IN ({facets});

-- name: tagged
-- Whether a run has a tag: for few runs, which the index by tag would not find the sooner.
EXISTS (SELECT 1 FROM flow_run_tag WHERE flow_run_tag.flow_run_id = flow_run.id AND flow_run_tag.tag = :tag);

-- name: times_of_ended
-- What finished flow runs add up to: their run times and latenesses.
sum(flow_run.total_run_time), sum(CASE
    WHEN flow_run.start_time > flow_run.expected_start_time
    THEN ({micros:flow_run.start_time} - {micros:flow_run.expected_start_time}) / 1000000.0
    ELSE 0
END);

-- name: ended_within
-- Finished flow runs of some stretches of time, such as the minutes that lie in two cells, from their rows. COALESCE
-- keeps SQLite from the index by state, which would be read whole for each stretch.
SELECT ({micros:flow_run.expected_start_time} - CAST(:start AS BIGINT)) / CAST(:step AS BIGINT),
    flow_run.state_type, flow_run.state_name, count(*), {times}
FROM flow_run
WHERE ({ranges}) AND COALESCE(flow_run.state_type, '') IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED')
    AND {where}
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
