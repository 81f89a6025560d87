-- Statements of a state transition: lock and load the run, add the state, change the run, keep what hangs on it.

-- name: lock_flow_run
-- Keeps other transactions away from a flow run until this one ends.
SELECT id FROM flow_run WHERE id = :id {for_update};

-- name: lock_task_run
-- Keeps other transactions away from a task run until this one ends.
SELECT id FROM task_run WHERE id = :id {for_update};

-- name: flow_run
-- A flow run as the rules see it, with its present state.
SELECT r.id, r.flow_id, r.deployment_id, r.work_queue_name, r.parent_task_run_id, r.infrastructure_pid,
       r.empirical_policy, r.tags, r.run_count, r.expected_start_time, r.next_scheduled_start_time, r.start_time,
       r.end_time, r.total_run_time, r.attempt_token, r.claimed_by, r.claim_until, r.lease_until, r.heartbeat,
       r.submit_count, s.id, s.type, s.name, s.timestamp, s.message, s.data, s.state_details
FROM flow_run r LEFT JOIN flow_run_state s ON s.id = r.state_id
WHERE r.id = :id;

-- name: task_run
-- A task run as the rules see it, with its present state and the flow run it belongs to.
SELECT r.id, r.flow_run_id, r.flow_run_run_count, r.empirical_policy, r.tags, r.run_count, r.expected_start_time,
       r.next_scheduled_start_time, r.start_time, r.end_time, r.total_run_time,
       s.id, s.type, s.name, s.timestamp, s.message, s.data, s.state_details,
       f.state_type, f.run_count, f.flow_id, f.deployment_id, f.attempt_token, p.state_details
FROM task_run r LEFT JOIN task_run_state s ON s.id = r.state_id
LEFT JOIN flow_run f ON f.id = r.flow_run_id
LEFT JOIN flow_run_state p ON p.id = f.state_id AND p.type = 'PAUSED'
WHERE r.id = :id;

-- name: flow_of
-- What a task run that is about to be made must know of its flow run.
SELECT f.state_type, f.run_count, f.flow_id, f.deployment_id, f.attempt_token, p.state_details
FROM flow_run f LEFT JOIN flow_run_state p ON p.id = f.state_id AND p.type = 'PAUSED'
WHERE f.id = :id;

-- name: reopened
-- Whether the flow run above a subflow was started again since the subflow's task run last ran.
SELECT f.state_type = 'RUNNING' AND f.run_count > t.flow_run_run_count
FROM task_run t JOIN flow_run f ON f.id = t.flow_run_id
WHERE t.id = :id;

-- name: flow_run_answer
-- The stored answer of a flow run's transition that is sent again.
SELECT id, type, name, timestamp, message, data, state_details, answer, reason
FROM flow_run_state WHERE flow_run_id = :run_id AND transition_id = :transition_id;

-- name: task_run_answer
-- The stored answer of a task run's transition that is sent again.
SELECT id, type, name, timestamp, message, data, state_details, answer, reason
FROM task_run_state WHERE task_run_id = :run_id AND transition_id = :transition_id;

-- name: add_flow_run_state
-- A state in the history of a flow run.
INSERT INTO flow_run_state
    (id, flow_run_id, type, name, timestamp, transition_id, answer, reason, message, state_details, data)
VALUES (:id, :run_id, :type, :name, :timestamp, :transition_id, :answer, :reason, :message, :details, :data);

-- name: add_task_run_state
-- A state in the history of a task run.
INSERT INTO task_run_state
    (id, task_run_id, type, name, timestamp, transition_id, answer, reason, message, state_details, data)
VALUES (:id, :run_id, :type, :name, :timestamp, :transition_id, :answer, :reason, :message, :details, :data);

-- name: add_task_run_state_once
-- The same for states that come as events, which may come twice.
INSERT INTO task_run_state
    (id, task_run_id, type, name, timestamp, transition_id, answer, reason, message, state_details, data)
VALUES (:id, :run_id, :type, :name, :timestamp, :transition_id, :answer, :reason, :message, :details, :data)
ON CONFLICT DO NOTHING;

-- name: cached_state
-- The newest state stored under a cache key that has not expired.
SELECT s.id, s.type, s.name, s.timestamp, s.message, s.data, s.state_details
FROM task_run_cache c JOIN task_run_state s ON s.id = c.state_id
WHERE c.cache_key = :cache_key AND (c.cache_expiration IS NULL OR c.cache_expiration > :now)
ORDER BY c.created DESC, c.state_id DESC LIMIT 1;

-- name: add_cache_entry
-- Lets later task runs take over a state by its cache key.
INSERT INTO task_run_cache (cache_key, created, state_id, cache_expiration)
VALUES (:cache_key, :now, :state_id, :cache_expiration)
ON CONFLICT DO NOTHING;

-- name: active_policies
-- The notification policies that may match a state.
SELECT id, state_names, tags, flow_ids, deployment_ids FROM flow_run_notification_policy WHERE is_active ORDER BY id;

-- name: policies_on_planned
-- The notification policies that name the state of a run that is planned. (SQLite prepares a statement anew each
-- time if what follows LIKE is a parameter, which takes longer than all the rest of it.)
SELECT id, state_names, tags, flow_ids, deployment_ids FROM flow_run_notification_policy
WHERE is_active AND state_names LIKE '%"Scheduled"%' ORDER BY id;

-- name: add_notification
-- One notification to send for a stored state; the clock sends it.
INSERT INTO notification_outbox (id, created, policy_id, flow_run_state_id, flow_run_id)
VALUES (:id, :now, :policy_id, :state_id, :run_id)
ON CONFLICT DO NOTHING;

-- name: task_runs_in
-- The task runs of a flow run that are in one of some state types.
SELECT id FROM task_run WHERE flow_run_id = :flow_run_id AND state_type IN {listed:types} ORDER BY id;

-- name: live_below
-- Task runs of a flow run that have not ended, with the subflow run in the same process that each stands for.
SELECT t.id, f.id
FROM task_run t LEFT JOIN flow_run f ON f.parent_task_run_id = t.id
WHERE t.flow_run_id = :flow_run_id AND t.state_type IN ('SCHEDULED', 'PENDING', 'RUNNING', 'PAUSED', 'CANCELLING')
  AND (f.id IS NULL OR f.deployment_id IS NULL AND f.state_type NOT IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED'))
ORDER BY t.id LIMIT :limit;
