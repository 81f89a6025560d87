-- What /metrics counts. Each statement reads what is live or lately done, never the whole of a big table.

-- name: flow_runs
-- Flow runs that have not ended, by state.
SELECT state_type, state_name, count(*) FROM flow_run
WHERE state_type IN ('SCHEDULED', 'PENDING', 'RUNNING', 'PAUSED', 'CANCELLING') GROUP BY state_type, state_name;

-- name: task_runs
-- Task runs that have not ended, by state.
SELECT state_type, count(*) FROM task_run
WHERE state_type IN ('SCHEDULED', 'PENDING', 'RUNNING', 'PAUSED', 'CANCELLING') GROUP BY state_type;

-- name: ended
-- Flow runs due lately that have ended, by state.
SELECT state_type, sum(n), sum(run_time) FROM flow_run_minute
WHERE state_type IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED') AND state_name IN {listed:names}
    AND minute >= :since
GROUP BY state_type;

-- name: ended_names
-- The names that ended runs bear: a step from one to the next along the key.
WITH RECURSIVE kind (type, name) AS (
    SELECT column1, (SELECT min(state_name) FROM flow_run_minute WHERE state_type = column1)
    FROM (VALUES ('COMPLETED'), ('FAILED'), ('CRASHED'), ('CANCELLED')) AS one
    UNION ALL
    SELECT type, (SELECT min(state_name) FROM flow_run_minute WHERE state_type = type AND state_name > name)
    FROM kind WHERE name IS NOT NULL
)
SELECT DISTINCT name FROM kind WHERE name IS NOT NULL;

-- name: queues
-- Queues with what is due in them and since when.
SELECT work_queue.name, work_queue.is_paused, work_queue.last_polled,
    (SELECT count(*) FROM flow_run WHERE state_type = 'SCHEDULED' AND work_queue_name = work_queue.name
        AND next_scheduled_start_time <= :now),
    (SELECT min(next_scheduled_start_time) FROM flow_run WHERE state_type = 'SCHEDULED'
        AND work_queue_name = work_queue.name),
    (SELECT count(*) FROM flow_run WHERE state_type IN ('PENDING', 'RUNNING', 'CANCELLING')
        AND work_queue_name = work_queue.name)
FROM work_queue ORDER BY work_queue.name LIMIT 500;

-- name: stored
-- Rows of the big tables, as their triggers count them.
SELECT name, sum(n) FROM counter GROUP BY name;

-- name: waiting_messages
-- Notifications that have not been delivered yet.
SELECT count(*) FROM notification_outbox WHERE delivered IS NULL AND dead IS NULL;

-- name: size_sqlite
-- The size of the database file.
SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size();

-- name: size_postgres
-- The size of the database.
SELECT pg_database_size(current_database());
