-- Retention: what is old enough to go. Runs of each flow are counted by their expected start, newest first.

-- name: flows
-- Every flow.
SELECT id, name FROM flow ORDER BY name;

-- name: oldest_kept
-- The last of the newest finished runs of a flow that stay, however old.
SELECT expected_start_time, id FROM flow_run
WHERE flow_id = :flow_id AND state_type IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED')
ORDER BY expected_start_time DESC, id DESC LIMIT 1 OFFSET :others;

-- name: old_runs
-- Finished runs of a flow from before a moment, oldest first, those that always stay left out.
SELECT id FROM flow_run
WHERE flow_id = :flow_id AND (expected_start_time, id) < (:kept, :kept_id)
  AND state_type IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED') AND COALESCE(end_time, state_timestamp) < :before
ORDER BY expected_start_time, id LIMIT :n;

-- name: count_old_runs
-- How many they are.
SELECT count(*) FROM flow_run
WHERE flow_id = :flow_id AND (expected_start_time, id) < (:kept, :kept_id)
  AND state_type IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED') AND COALESCE(end_time, state_timestamp) < :before;

-- name: still_old
-- Whether a run is finished and old now, when it is about to go; it may have been started again meanwhile.
SELECT 1 FROM flow_run
WHERE id = :id AND state_type IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED')
  AND COALESCE(end_time, state_timestamp) < :before {for_update};

-- name: results
-- What the states of a run and of its task runs say of results in files, but for those that a cache knows.
SELECT data FROM flow_run_state WHERE flow_run_id = :id AND data LIKE :reference
UNION
SELECT s.data FROM task_run_state s JOIN task_run t ON t.id = s.task_run_id
WHERE t.flow_run_id = :id AND s.data LIKE :reference AND s.state_details NOT LIKE :cached;

-- name: count_old_logs
-- Log lines from before a moment.
SELECT count(*) FROM log WHERE timestamp < :before;

-- name: delete_old_logs
-- The oldest of them.
DELETE FROM log WHERE id IN (SELECT id FROM log WHERE timestamp < :before ORDER BY timestamp, id LIMIT :n);

-- name: count_old_messages
-- Messages from before a moment that are not to be sent any more.
SELECT count(*) FROM notification_outbox WHERE created < :before AND (delivered IS NOT NULL OR dead IS NOT NULL);

-- name: delete_old_messages
-- The oldest of them.
DELETE FROM notification_outbox WHERE id IN (
    SELECT id FROM notification_outbox WHERE created < :before AND (delivered IS NOT NULL OR dead IS NOT NULL)
    ORDER BY created, id LIMIT :n
);
