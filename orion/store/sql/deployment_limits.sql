-- Limits of deployments: taken by their runs under way, so that there is nothing to give back.

-- name: limited
-- Whether any deployment has a limit: PostgreSQL plans `rooms` each time anew, and this one once.
SELECT 1 FROM deployment WHERE concurrency_limit IS NOT NULL LIMIT 1;

-- name: rooms
-- How many more runs of each limited deployment may be handed out; those that cancel what is too much are left out.
SELECT d.id, d.concurrency_limit
  - (SELECT count(*) FROM flow_run r
     WHERE r.deployment_id = d.id AND r.state_type IN ('PENDING', 'RUNNING', 'CANCELLING'))
  - (SELECT count(*) FROM flow_run h {by_index:flow_run_claim}
     WHERE h.claim_until > :now AND h.deployment_id = d.id AND h.state_type = 'SCHEDULED'),
  d.concurrency_options
FROM deployment d
WHERE d.concurrency_limit IS NOT NULL
  AND (d.concurrency_options IS NULL OR d.concurrency_options NOT LIKE :cancels);

-- name: colliding
-- Deployments that cancel a run too many and have a run that is due.
SELECT d.id, d.concurrency_limit, d.concurrency_options FROM deployment d
WHERE d.concurrency_limit IS NOT NULL AND d.concurrency_options LIKE :cancel
  AND EXISTS (SELECT 1 FROM flow_run r
              WHERE r.deployment_id = d.id AND r.state_type = 'SCHEDULED' AND r.expected_start_time <= :now)
ORDER BY d.id;

-- name: limit
-- The limit of a deployment and what becomes of a run too many.
SELECT concurrency_limit, concurrency_options FROM deployment WHERE id = :id AND concurrency_limit IS NOT NULL;

-- name: contenders
-- The runs of a deployment that are under way or due, newest first; who waits in a paused queue does not contend.
SELECT id, state_id, state_type FROM flow_run
WHERE deployment_id = :id AND (
    state_type IN ('PENDING', 'RUNNING', 'CANCELLING')
    OR state_type = 'SCHEDULED' AND expected_start_time <= :now
       AND COALESCE(work_queue_name, '') NOT IN (SELECT name FROM work_queue WHERE is_paused))
ORDER BY expected_start_time DESC, id DESC LIMIT :limit;

-- name: lock
-- The limit of a deployment that has one, kept from other takers until the transaction ends.
SELECT concurrency_limit, concurrency_options FROM deployment
WHERE id = :id AND concurrency_limit IS NOT NULL {for_update};

-- name: busy
-- How many other runs of a deployment are under way.
SELECT count(*) FROM flow_run
WHERE deployment_id = :id AND id <> :run_id AND state_type IN ('PENDING', 'RUNNING', 'CANCELLING');
