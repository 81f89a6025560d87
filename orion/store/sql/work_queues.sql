-- Work queues.

-- name: next_priority
-- A new queue comes after all others.
SELECT COALESCE(max(priority), 0) + 1 FROM work_queue;

-- name: touch
-- Somebody has polled the queue.
UPDATE work_queue SET last_polled = :now WHERE id = :id;

-- name: saw_agent
-- An agent has polled the queue.
INSERT INTO agent (id, created, updated, name, work_queue_id, last_seen)
VALUES (:id, :now, :now, :name, :queue, :now)
ON CONFLICT (work_queue_id, name) DO UPDATE SET last_seen = excluded.last_seen;

-- name: forget_agents
-- Agents of a queue that have not been seen for long.
DELETE FROM agent WHERE work_queue_id = :queue AND last_seen < :before;

-- name: agents
-- Agents that have polled a queue, the latest first.
SELECT name, last_seen, created FROM agent WHERE work_queue_id = :queue ORDER BY last_seen DESC LIMIT 20;

-- name: planned
-- Runs that wait or are planned and that a queue serves, counted up to a bound.
SELECT count(*) FROM (
    SELECT 1 FROM flow_run WHERE flow_run.state_type = 'SCHEDULED' AND {where} LIMIT 10001
) AS few;

-- name: rename_in_runs
-- Runs that have not finished follow their queue to its new name; finished ones keep the name they ran under.
UPDATE flow_run SET work_queue_name = :name
WHERE work_queue_name = :was AND state_type IN ('SCHEDULED', 'PENDING', 'RUNNING', 'PAUSED', 'CANCELLING');

-- name: rename_in_deployments
-- Deployments follow their queue to its new name.
UPDATE deployment SET work_queue_name = :name WHERE work_queue_name = :was;

-- name: deployment
-- The queue that a deployment names.
SELECT work_queue_name FROM deployment WHERE id = :id;

-- name: deployment_tags
-- The tags of a deployment.
SELECT tag FROM deployment_tag WHERE deployment_id = :id;

-- name: candidates
-- The queues of some names, and the queues that go by a filter.
SELECT {columns} FROM work_queue WHERE name IN {listed:names} OR filter IS NOT NULL ORDER BY name;

-- name: serves_by_filter
-- The condition on a run that a queue with a filter serves it: a deployment's, with all tags. Looked up for each run.
flow_run.deployment_id IS NOT NULL
AND (:deployment_count = 0 OR flow_run.deployment_id IN {listed:deployments})
AND (SELECT count(*) FROM flow_run_tag g WHERE g.flow_run_id = flow_run.id AND g.tag IN {listed:tags}) = :tag_count;
