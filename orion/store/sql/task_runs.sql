-- Task runs. States and tags go with a run by foreign key; logs and artifacts do not hang on one.

-- name: delete_logs
-- The log lines of a run.
DELETE FROM log WHERE task_run_id = :id;

-- name: free_subflow
-- The subflow run that this run stood for has no parent any more.
UPDATE flow_run SET parent_task_run_id = NULL WHERE parent_task_run_id = :id;
