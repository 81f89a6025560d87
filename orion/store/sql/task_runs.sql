-- Task runs. States and tags go with a run by foreign key; logs and artifacts do not hang on one.

-- name: delete_logs
-- The log lines of some runs.
DELETE FROM log WHERE task_run_id IN {listed:ids};

-- name: free_subflows
-- The subflow runs that these runs stood for have no parent any more.
UPDATE flow_run SET parent_task_run_id = NULL WHERE parent_task_run_id IN {listed:ids};

-- name: delete
-- Some runs.
DELETE FROM task_run WHERE id IN {listed:ids};
