-- Why runs wait: who holds what they wait for.

-- name: queue_holders
-- Runs that take room in a queue, the longest first.
SELECT id, name, COALESCE(start_time, state_timestamp) FROM flow_run
WHERE {condition} AND state_type IN ('PENDING', 'RUNNING', 'CANCELLING')
ORDER BY COALESCE(start_time, state_timestamp), id LIMIT :n;

-- name: deployment_holders
-- Runs of a deployment that are under way, the longest first.
SELECT id, name, COALESCE(start_time, state_timestamp) FROM flow_run
WHERE deployment_id = :id AND state_type IN ('PENDING', 'RUNNING', 'CANCELLING')
ORDER BY COALESCE(start_time, state_timestamp), id LIMIT :n;

-- name: slot_holders
-- Task runs that hold slots of a limit, the longest first.
SELECT t.id, t.name, COALESCE(t.start_time, t.state_timestamp)
FROM concurrency_slot s JOIN task_run t ON t.id = s.task_run_id LEFT JOIN flow_run f ON f.id = t.flow_run_id
WHERE s.limit_id = :id AND t.state_type = 'RUNNING'
  AND (f.id IS NULL OR f.state_type NOT IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED'))
ORDER BY COALESCE(t.start_time, t.state_timestamp), t.id LIMIT :n;

-- name: lease_holders
-- Leases on a limit with the names of the runs that hold them, the oldest first.
SELECT l.holder_type, l.holder_id, COALESCE(t.name, f.name), l.created
FROM concurrency_lease l
LEFT JOIN task_run t ON t.id = l.holder_id LEFT JOIN flow_run f ON f.id = l.holder_id
WHERE l.limit_id = :id AND l.lease_until > :now ORDER BY l.created, l.id LIMIT :n;

-- name: holds
-- Who has taken some runs, and until when each is kept for that one.
SELECT id, claimed_by, claim_until, lease_until, state_timestamp FROM flow_run WHERE id IN {listed:ids};

-- name: agents
-- Who has asked a queue, the latest first.
SELECT name, last_seen FROM agent WHERE work_queue_id = :id ORDER BY last_seen DESC, name LIMIT :n;

-- name: before
-- How many runs of a queue are due earlier than one of its runs, counted no further than some.
SELECT count(*) FROM (
    SELECT 1 FROM flow_run {index}
    WHERE {condition} AND (flow_run.next_scheduled_start_time < :at
        OR (flow_run.next_scheduled_start_time = :at AND flow_run.id < :id))
    LIMIT 1000) AS earlier;

-- name: parent
-- The flow run that called a run as a subflow.
SELECT f.id, f.name, f.state_name FROM task_run t JOIN flow_run f ON f.id = t.flow_run_id WHERE t.id = :id;

-- name: upstream
-- States of the task runs that a task run was given.
SELECT id, name, state_type, state_name, COALESCE(start_time, state_timestamp) FROM task_run
WHERE id IN {listed:ids} ORDER BY name, id;

-- name: open_tasks
-- Task runs of a flow run that have not ended, with their tags.
SELECT id, name, state_type, tags FROM task_run {by_index:task_run_flow_run_state}
WHERE flow_run_id = :id AND state_type IN ('SCHEDULED', 'PENDING', 'RUNNING', 'PAUSED', 'CANCELLING')
ORDER BY expected_start_time, id LIMIT :n;

-- name: told_of
-- What agents told lately of what runs wait for in their infrastructure, the last at the end.
SELECT flow_run_id, message, created FROM log
WHERE flow_run_id {among:ids} AND timestamp >= :since AND name = 'orion.infrastructure' ORDER BY timestamp, id;
