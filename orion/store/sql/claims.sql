-- Claims: handing out due runs of a queue, and the leases of those who hold them.
--
-- A run is due when it is SCHEDULED, its time has come, nobody has it on hand, and no live process waits to retry it.

-- name: poll
-- Note that the queue is asked, and keep other askers away until the hand-out is decided.
UPDATE work_queue SET last_polled = :now WHERE id = :id
RETURNING is_paused, concurrency_limit;

-- name: due_by_name
-- Due runs of a queue that goes by name.
SELECT id FROM flow_run
WHERE state_type = 'SCHEDULED' AND work_queue_name = :name AND next_scheduled_start_time <= :before
  AND (claim_until IS NULL OR claim_until <= :now)
  AND empirical_policy NOT LIKE '%"retry_type":"in_process"%'
ORDER BY next_scheduled_start_time, id LIMIT :limit {skip_locked};

-- name: due_by_filter
-- Due runs of deployments that have all of the tags and are of one of the deployments.
SELECT id FROM flow_run
WHERE state_type = 'SCHEDULED' AND deployment_id IS NOT NULL AND next_scheduled_start_time <= :before
  AND (claim_until IS NULL OR claim_until <= :now)
  AND empirical_policy NOT LIKE '%"retry_type":"in_process"%'
  AND (:deployment_count = 0 OR deployment_id IN {listed:deployment_ids})
  AND (SELECT count(*) FROM flow_run_tag g WHERE g.flow_run_id = flow_run.id AND g.tag IN {listed:tags}) = :tag_count
ORDER BY next_scheduled_start_time, id LIMIT :limit {skip_locked};

-- name: busy_by_name
-- Runs that take room in a queue that goes by name: under way, or on hand.
SELECT count(*) FROM flow_run
WHERE work_queue_name = :name
  AND (state_type IN ('PENDING', 'RUNNING', 'CANCELLING') OR state_type = 'SCHEDULED' AND claim_until > :now);

-- name: busy_by_filter
-- The same for a queue that goes by a filter.
SELECT count(*) FROM flow_run
WHERE deployment_id IS NOT NULL
  AND (state_type IN ('PENDING', 'RUNNING', 'CANCELLING') OR state_type = 'SCHEDULED' AND claim_until > :now)
  AND (:deployment_count = 0 OR deployment_id IN {listed:deployment_ids})
  AND (SELECT count(*) FROM flow_run_tag g WHERE g.flow_run_id = flow_run.id AND g.tag IN {listed:tags}) = :tag_count;

-- name: hand_out
-- Keep runs for the one who asked; those that somebody else got meanwhile are left out.
UPDATE flow_run SET claimed_by = :holder, claim_until = :until
WHERE id IN {listed:ids} AND state_type = 'SCHEDULED' AND (claim_until IS NULL OR claim_until <= :now)
RETURNING id;

-- name: beat
-- A later end for the lease of the attempt that beats.
UPDATE flow_run SET heartbeat = :now, lease_until = :until
WHERE id = :id AND attempt_token = :token AND state_id = :state_id;

-- name: ended_hand_outs
-- Hand-outs that were not used in time, with the queues that the runs go back to.
UPDATE flow_run SET claimed_by = NULL, claim_until = NULL
WHERE claim_until <= :now AND state_type = 'SCHEDULED'
RETURNING work_queue_name;

-- name: ended_leases
-- Runs whose holder has not been heard of until the end of its lease.
SELECT id, state_id FROM flow_run WHERE lease_until <= :now AND state_type IN {listed:types}
ORDER BY lease_until LIMIT :limit;

-- name: extend_lease
-- A later end for a lease, if nothing has changed since it was looked at.
UPDATE flow_run SET lease_until = :until WHERE id = :id AND state_id = :state_id AND lease_until = :was;

-- name: give_up_process
-- A run that waits to be retried is no longer waited for by its dead process, if nothing has changed since.
UPDATE flow_run
SET empirical_policy = :policy, attempt_token = NULL, lease_until = NULL, heartbeat = NULL, infrastructure_pid = NULL
WHERE id = :id AND state_id = :state_id AND lease_until <= :now;

-- name: shift_leases
-- More time for every holder, after the clock has jumped.
UPDATE flow_run SET lease_until = :until WHERE lease_until <= :now;

-- name: ended_pauses
-- Paused runs, oldest first, with the time until which they may be resumed.
SELECT r.id, s.id, s.state_details
FROM flow_run r JOIN flow_run_state s ON s.id = r.state_id
WHERE r.state_type = 'PAUSED' ORDER BY r.expected_start_time, r.id;

-- name: crashed
-- Crashed runs of deployments since a time that were never ended by hand.
SELECT id, state_id FROM flow_run
WHERE state_type = 'CRASHED' AND deployment_id IS NOT NULL AND attempt_token IS NOT NULL AND end_time >= :since
ORDER BY end_time LIMIT :limit;

-- name: orphans
-- Flow runs that were killed while task runs of their process are still open.
SELECT DISTINCT f.id, f.state_type
FROM task_run t JOIN flow_run f ON f.id = t.flow_run_id
WHERE t.state_type IN ('SCHEDULED', 'PENDING', 'RUNNING', 'PAUSED', 'CANCELLING')
  AND f.state_type IN ('CRASHED', 'CANCELLED')
ORDER BY f.id LIMIT :limit;
