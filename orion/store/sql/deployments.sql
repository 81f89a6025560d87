-- Deployments. Schedules, skips and tags go with one by foreign key.

-- name: find
-- The deployment of a flow and name.
SELECT id FROM deployment WHERE flow_id = :flow_id AND name = :name;

-- name: flow
-- Whether a flow is there.
SELECT id FROM flow WHERE id = :flow_id;

-- name: block_document
-- Whether a block document is there.
SELECT id FROM block_document WHERE id = :id;

-- name: delete_unstarted
-- Runs of a deployment that wait for an agent and never ran.
DELETE FROM flow_run WHERE deployment_id = :id AND state_type = 'SCHEDULED' AND run_count = 0;

-- name: free_runs
-- The other runs of a deployment belong to none any more.
UPDATE flow_run SET deployment_id = NULL WHERE deployment_id = :id;

-- name: free_some
-- Some of the other runs.
UPDATE flow_run SET deployment_id = NULL WHERE id IN (
    SELECT id FROM flow_run WHERE deployment_id = :id AND NOT (state_type = 'SCHEDULED' AND run_count = 0) LIMIT :most
);

-- name: some_waiting
-- Some of the runs that wait for an agent and that no schedule planned, of which there may be thousands.
SELECT id FROM flow_run
WHERE deployment_id = :id AND state_type = 'SCHEDULED' AND run_count = 0 AND NOT auto_scheduled LIMIT :most;

-- name: delete_waiting
-- These runs.
DELETE FROM flow_run WHERE id IN {listed:ids};

-- name: poll
-- Somebody asks for runs of these deployments.
UPDATE deployment SET last_polled = :now WHERE id IN {listed:ids};
