-- Flow runs. Task runs, states, tags and inputs go with a run by foreign key; logs and artifacts do not hang on one.

-- name: queue_id
-- The queue of a name.
SELECT id FROM work_queue WHERE name = :name;

-- name: delete_logs
-- The log lines of a run.
DELETE FROM log WHERE flow_run_id = :id;

-- name: delete_log_size
-- The count of them.
DELETE FROM log_size WHERE flow_run_id = :id;

-- name: sizes
-- How many log lines and task runs a run has, counted a little beyond what goes in one write.
SELECT (SELECT count(*) FROM (SELECT 1 FROM log WHERE flow_run_id = :id LIMIT :lines + 1) AS line),
    (SELECT count(*) FROM (SELECT 1 FROM task_run WHERE flow_run_id = :id LIMIT :tasks + 1) AS task);

-- name: delete_some_logs
-- Log lines of a run, the oldest first.
DELETE FROM log WHERE id IN (SELECT id FROM log WHERE flow_run_id = :id ORDER BY timestamp, id LIMIT :n);

-- name: some_tasks
-- Task runs of a run, the oldest first.
SELECT id FROM task_run WHERE flow_run_id = :id ORDER BY expected_start_time NULLS LAST, id LIMIT :n;

-- name: delete_task_logs
-- Log lines that name only a task run of the run.
DELETE FROM log WHERE task_run_id IN (SELECT id FROM task_run WHERE flow_run_id = :id);

-- name: delete_outbox
-- Notifications of a run that still wait.
DELETE FROM notification_outbox WHERE flow_run_id = :id;

-- name: free_subflows
-- Runs that this run's task runs stood for have no parent any more.
UPDATE flow_run SET parent_task_run_id = NULL
WHERE parent_task_run_id IN (SELECT id FROM task_run WHERE flow_run_id = :id);

-- name: count_task_runs
-- How many task runs each run has.
SELECT flow_run_id, count(*) FROM task_run WHERE flow_run_id IN {listed:ids} GROUP BY flow_run_id;
