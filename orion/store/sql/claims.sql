-- Claims: handing out due runs of a queue, and the leases of those who hold them.

-- name: poll
-- Note that the queue is asked, and keep other askers away until the hand-out is decided.
UPDATE work_queue SET last_polled = :now WHERE id = :id
RETURNING is_paused, concurrency_limit;

-- name: seen
-- Note who asked.
INSERT INTO agent (id, created, updated, name, work_queue_id, last_seen)
VALUES (:id, :now, :now, :name, :queue_id, :now)
ON CONFLICT (work_queue_id, name) DO UPDATE SET updated = excluded.updated, last_seen = excluded.last_seen;

-- name: due
-- Runs that meet the queue's condition and that nobody has on hand, earliest first.
SELECT flow_run.id, flow_run.deployment_id FROM flow_run {index}
WHERE {condition} AND (flow_run.claim_until IS NULL OR flow_run.claim_until <= :now)
ORDER BY flow_run.next_scheduled_start_time, flow_run.id LIMIT :limit {skip_locked};

-- name: ready
-- Whether there is a run that meets the queue's condition and that nobody has on hand.
SELECT 1 FROM flow_run {index}
WHERE {condition} AND (flow_run.claim_until IS NULL OR flow_run.claim_until <= :now) LIMIT 1;

-- name: used
-- How many runs take room in a queue: those under way and those on hand, in one look.
SELECT
    (SELECT count(*) FROM flow_run WHERE {condition} AND state_type IN ('PENDING', 'RUNNING', 'CANCELLING'))
  + (SELECT count(*) FROM flow_run {by_index:flow_run_claim} WHERE {condition} AND state_type = 'SCHEDULED' AND claim_until > :now);

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
UPDATE flow_run {by_index:flow_run_claim} SET claimed_by = NULL, claim_until = NULL
WHERE claim_until <= :now AND state_type = 'SCHEDULED'
RETURNING work_queue_name;

-- name: give_back
-- Hand-outs whose asker has gone before it heard of them, with the queues that the runs go back to.
UPDATE flow_run SET claimed_by = NULL, claim_until = NULL
WHERE id IN {listed:ids} AND state_type = 'SCHEDULED' AND claim_until = :until
RETURNING work_queue_name;

-- name: ended_leases
-- Runs whose holder has not been heard of until the end of its lease.
SELECT id, state_id, state_type, lease_until, state_timestamp, heartbeat FROM flow_run
WHERE lease_until <= :now ORDER BY lease_until, id LIMIT :limit;

-- name: next_end
-- When the next hold ends: a lease, a hand-out or a lease of slots.
SELECT min(ends) FROM (
    SELECT min(lease_until) AS ends FROM flow_run WHERE lease_until IS NOT NULL
    UNION ALL SELECT min(claim_until) FROM flow_run WHERE claim_until IS NOT NULL
    UNION ALL SELECT min(lease_until) FROM concurrency_lease
) AS hold;

-- name: extend_lease
-- A later end for a lease, if nothing has changed since it was looked at.
UPDATE flow_run SET lease_until = :until WHERE id = :id AND state_id = :state_id AND lease_until = :was;

-- name: give_up_process
-- A run that waits to be retried is no longer waited for by its dead process, if nothing has changed since.
UPDATE flow_run
SET empirical_policy = :policy, attempt_token = NULL, lease_until = NULL, heartbeat = NULL, infrastructure_pid = NULL
WHERE id = :id AND state_id = :state_id AND lease_until <= :now;

-- name: end_lease
-- Nothing more is to come of a lease, if nothing has changed since it was looked at.
UPDATE flow_run SET lease_until = NULL, submit_count = 0
WHERE id = :id AND state_id = :state_id AND lease_until = :was;

-- name: shift_leases
-- More time for every holder, after the clock has jumped.
UPDATE flow_run SET lease_until = :until WHERE lease_until <= :now;

-- name: ended_pauses
-- Paused runs, oldest first, with the time until which they may be resumed.
SELECT r.id, s.id, s.state_details
FROM flow_run r JOIN flow_run_state s ON s.id = r.state_id
WHERE r.state_type = 'PAUSED' ORDER BY r.expected_start_time, r.id;

-- name: orphans
-- Flow runs that were killed while task runs of their process are still open.
SELECT DISTINCT f.id
FROM task_run t {by_index:task_run_state_type} JOIN flow_run f ON f.id = t.flow_run_id
WHERE t.state_type IN ('SCHEDULED', 'PENDING', 'RUNNING', 'PAUSED', 'CANCELLING')
  AND f.state_type IN ('CRASHED', 'CANCELLED')
ORDER BY f.id LIMIT :limit;
