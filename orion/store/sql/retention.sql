-- Retention: what is old enough to go. Runs of each flow are counted by their expected start, newest first.

-- name: beyond
-- Finished runs of all flows from before a moment, but for the newest of each flow, which stay. A flow that has no run
-- from before it costs one look into an index. Not a statement: others begin with it.
FROM flow
LEFT JOIN flow_run AS kept ON :keep > 0 AND kept.id = (
    SELECT id FROM flow_run
    WHERE flow_id = flow.id AND state_type IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED')
    ORDER BY expected_start_time DESC, id DESC LIMIT 1 OFFSET :others
)
CROSS JOIN flow_run AS run
WHERE EXISTS (SELECT 1 FROM flow_run WHERE flow_id = flow.id AND expected_start_time < :before)
  AND run.flow_id = flow.id AND run.expected_start_time < :before
  AND (:keep = 0 OR (run.expected_start_time, run.id) < (kept.expected_start_time, kept.id))
  AND run.state_type IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED')
  AND COALESCE(run.end_time, run.state_timestamp) < :before

-- name: old_runs
-- The first of them from a flow on, flow by flow. Ordered by nothing more: SQLite would sort all old runs for each few.
SELECT run.flow_id, run.id {beyond} AND flow.id >= :flow ORDER BY flow.id LIMIT :n;

-- name: count_old_runs
-- How many they are, by the name of the flow.
SELECT flow.name, count(*) {beyond} GROUP BY flow.name ORDER BY flow.name;

-- name: still_old
-- Whether a run is finished and old now, when it is about to go; it may have been started again meanwhile.
SELECT 1 FROM flow_run
WHERE id = :id AND state_type IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED')
  AND COALESCE(end_time, state_timestamp) < :before {for_update};

-- name: results_of_tasks
-- What the states of some task runs say of results in files, but for those that a cache knows.
SELECT data FROM task_run_state
WHERE task_run_id IN {listed:ids} AND data LIKE :reference AND state_details NOT LIKE :cached;

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
