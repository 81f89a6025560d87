-- Flow runs. Task runs, states, tags and inputs go with a run by foreign key; logs and artifacts do not hang on one.

-- name: queue_id
-- The queue of a name.
SELECT id FROM work_queue WHERE name = :name;

-- name: delete_logs
-- The log lines of a run.
DELETE FROM log WHERE flow_run_id = :id;

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
