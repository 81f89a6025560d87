-- Flows. A flow's runs, deployments, states and tags go with it by foreign key; logs and artifacts do not hang on one.

-- name: update
-- Change the tags, if some are given.
UPDATE flow SET updated = :updated, tags = COALESCE(:tags, tags) WHERE id = :id;

-- name: some_runs
-- Some runs of a flow.
SELECT id FROM flow_run WHERE flow_id = :id LIMIT :most;

-- name: delete
-- Delete a flow and what hangs on it.
DELETE FROM flow WHERE id = :id;

-- name: delete_logs
-- The log lines of a flow's runs.
DELETE FROM log WHERE flow_run_id IN (SELECT id FROM flow_run WHERE flow_id = :id);

-- name: delete_task_logs
-- Log lines that name only a task run of a flow's runs.
DELETE FROM log WHERE task_run_id IN (
    SELECT task_run.id FROM task_run JOIN flow_run ON flow_run.id = task_run.flow_run_id WHERE flow_run.flow_id = :id
);

-- name: free_subflows
-- Runs of other flows that were started by this flow's runs have no parent any more.
UPDATE flow_run SET parent_task_run_id = NULL WHERE parent_task_run_id IN (
    SELECT task_run.id FROM task_run JOIN flow_run parent ON parent.id = task_run.flow_run_id
    WHERE parent.flow_id = :id
);

-- name: count_deployments
-- How many deployments each flow has.
SELECT flow_id, count(*) FROM deployment WHERE flow_id IN {listed:ids} GROUP BY flow_id;

-- name: next_runs
-- The run of each flow that is planned for the earliest time.
SELECT flow.id, run.id, run.name, run.state_type, run.state_name, run.next_scheduled_start_time
FROM flow JOIN flow_run run ON run.id = (
    SELECT flow_run.id FROM flow_run
    WHERE flow_run.flow_id = flow.id AND flow_run.state_type = 'SCHEDULED'
        AND flow_run.next_scheduled_start_time IS NOT NULL
    ORDER BY flow_run.next_scheduled_start_time, flow_run.id LIMIT 1
)
WHERE flow.id IN {listed:ids};
