-- States of runs.

-- name: of_flow_run
-- The history of a flow run, oldest first.
SELECT {columns}
FROM flow_run_state WHERE flow_run_id = :id ORDER BY timestamp, id;

-- name: of_task_run
-- The history of a task run, oldest first.
SELECT {columns}
FROM task_run_state WHERE task_run_id = :id ORDER BY timestamp, id;
