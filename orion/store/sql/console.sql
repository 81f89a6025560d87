-- What the console's pages read beside the resources themselves: names, counts, last and next runs.

-- name: nav
-- What stands beside the places of the navigation; no count reads more than a thousand rows of an index.
SELECT
    (SELECT count(*) FROM (
        SELECT 1 FROM flow_run WHERE state_type = 'FAILED' AND expected_start_time > :since LIMIT 1000) AS failed),
    (SELECT count(*) FROM (
        SELECT 1 FROM flow_run WHERE state_type = 'CRASHED' AND expected_start_time > :since LIMIT 1000) AS crashed),
    (SELECT count(*) FROM (
        SELECT 1 FROM flow_run
        WHERE state_type = 'SCHEDULED' AND next_scheduled_start_time <= :now AND state_name = 'Late' LIMIT 1000) AS late),
    (SELECT count(*) FROM (SELECT 1 FROM flow_run WHERE state_type = 'RUNNING' LIMIT 1000) AS running),
    (SELECT count(*) FROM (SELECT 1 FROM flow LIMIT 1000) AS flows),
    (SELECT count(*) FROM (SELECT 1 FROM deployment LIMIT 1000) AS deployments),
    (SELECT count(*) FROM (SELECT 1 FROM work_queue LIMIT 1000) AS queues);

-- name: flow_names
-- Names of flows by id.
SELECT id, name FROM flow WHERE id IN {listed:ids};

-- name: flow_run_names
-- Names of flow runs by id.
SELECT id, name FROM flow_run WHERE id IN {listed:ids};

-- name: deployment_names
-- Names of deployments by id.
SELECT id, name FROM deployment WHERE id IN {listed:ids};

-- name: task_run_names
-- Names of task runs by id.
SELECT id, name FROM task_run WHERE id IN {listed:ids};

-- name: first_tasks
-- The first task runs of a flow run by name, to choose from.
SELECT id, name FROM task_run WHERE flow_run_id = :id ORDER BY expected_start_time NULLS FIRST, id LIMIT :n;

-- name: parents
-- The runs whose task runs stand for subflow runs: id of the task run, id and name of its flow run.
SELECT task_run.id, flow_run.id, flow_run.name
FROM task_run JOIN flow_run ON flow_run.id = task_run.flow_run_id WHERE task_run.id IN {listed:ids};

-- name: children
-- The subflow runs that the task runs of a run stand for. That they have a parent is said for PostgreSQL, which would
-- look for each of ten thousand task runs where there is no subflow run at all.
SELECT child.parent_task_run_id, child.id
FROM task_run JOIN flow_run child ON child.parent_task_run_id = task_run.id
WHERE task_run.flow_run_id = :id AND child.parent_task_run_id IS NOT NULL;

-- name: child_of
-- The subflow run that a task run stands for.
SELECT id FROM flow_run WHERE parent_task_run_id = :id;

-- name: runs_beginning
-- Flow runs whose names begin with a text.
SELECT id FROM flow_run WHERE name >= :low AND name < :high ORDER BY name, id LIMIT :n;

-- name: runs_containing
-- Of the newest flow runs those whose names contain a text.
SELECT id FROM (
    SELECT id, name FROM flow_run ORDER BY expected_start_time DESC, id DESC LIMIT :most
) AS recent WHERE name {like} :part ESCAPE '\' LIMIT :n;

-- name: task_counts
-- Task runs of some flow runs, by state: an index alone can tell, and has those of a run in this order.
SELECT one.value, (
    SELECT {list}({array}(state_type, state_name, n)) FROM (
        SELECT state_type, state_name, count(*) AS n FROM task_run WHERE flow_run_id = one.value
        GROUP BY state_type, state_name
    ) AS state
) FROM {listed:ids} AS one;

-- name: stored_results
-- Completed task runs of a flow run whose state carries a result, among the first :n.
SELECT count(*) FROM (
    SELECT state_id FROM task_run {by_index:task_run_flow_run_state}
    WHERE flow_run_id = :id AND state_type = 'COMPLETED' LIMIT :n
) AS done JOIN task_run_state ON task_run_state.id = done.state_id
WHERE task_run_state.data IS NOT NULL
  AND task_run_state.data <> 'null' AND task_run_state.data NOT LIKE :lost AND task_run_state.data NOT LIKE :gone;

-- name: sketches
-- The task runs of a flow run, each in the few values that charts need; times in microseconds.
SELECT id, name, state_type, state_name, {micros:start_time}, {micros:end_time}, {micros:state_timestamp},
    total_run_time, task_inputs, {micros:expected_start_time}, {micros:updated}
FROM task_run WHERE flow_run_id = :id ORDER BY expected_start_time NULLS LAST, id;

-- name: sketches_since
-- Those of them that were changed at a time or later.
SELECT id, name, state_type, state_name, {micros:start_time}, {micros:end_time}, {micros:state_timestamp},
    total_run_time, task_inputs, {micros:expected_start_time}, {micros:updated}
FROM task_run WHERE flow_run_id = :id AND updated >= :since;

-- name: faces
-- The task runs of a flow run, each in the few values that a comparison needs; times in microseconds.
SELECT id, name, task_key || ' ' || dynamic_key, state_type, state_name, {micros:start_time}, {micros:created},
    {micros:state_timestamp}, total_run_time, run_count
FROM task_run WHERE flow_run_id = :id ORDER BY expected_start_time NULLS LAST, id;

-- name: tasks_revision
-- What differs whenever a task run of a flow run is added, changed or removed.
SELECT number, {micros:newest}, added FROM (
    SELECT count(*) AS number, max(updated) AS newest, sum({micros:updated} % 1000003) AS added
    FROM task_run WHERE flow_run_id = :id
) AS told;

-- name: task_states
-- Every state of some task runs, in order; times in microseconds.
SELECT task_run_id, type, name, {micros:timestamp} FROM task_run_state
WHERE task_run_id IN {listed:ids} ORDER BY timestamp, id;

-- name: flow_options
-- Flows to choose from.
SELECT id, name FROM flow ORDER BY name LIMIT 200;

-- name: deployment_options
-- Deployments to choose from, with the names of their flows.
SELECT deployment.id, flow.name, deployment.name
FROM deployment JOIN flow ON flow.id = deployment.flow_id ORDER BY flow.name, deployment.name LIMIT 200;

-- name: flow_tags
-- Tags to choose from: those of flows and deployments.
SELECT tag FROM flow_tag UNION SELECT tag FROM deployment_tag ORDER BY tag LIMIT 200;

-- name: queue_names
-- Work queues to choose from.
SELECT name FROM work_queue ORDER BY name LIMIT 200;

-- name: documents_of_type
-- Block documents of a type to choose from.
SELECT block_document.id, block_document.name
FROM block_document JOIN block_type ON block_type.id = block_document.block_type_id
WHERE block_type.slug = :slug AND NOT block_document.is_anonymous ORDER BY block_document.name LIMIT 200;

-- name: known_keys
-- Which of these keys a run of a flow has already.
SELECT idempotency_key FROM flow_run WHERE flow_id = :flow_id AND idempotency_key IN {listed:keys};

-- name: last_of
-- The newest runs of some flows or deployments that are due, all of one in one list: a row of an index leads to its run,
-- which a join by id would look up a second time. Times are in microseconds.
SELECT one.value, (
    SELECT {list}({array}({micros:run.expected_start_time}, run.id, run.name, run.state_type, run.state_name,
        {micros:run.start_time}, run.total_run_time))
    FROM (
        SELECT * FROM flow_run WHERE {owner} = one.value AND expected_start_time <= :now
        ORDER BY expected_start_time DESC, id DESC LIMIT :n
    ) AS run
) FROM {listed:ids} AS one;

-- name: newest_begun
-- The newest runs of a list that have begun, the newest first; times in microseconds.
SELECT {micros:expected_start_time}, id, name, state_type, state_name, {micros:start_time}, total_run_time
FROM flow_run WHERE {where} AND flow_run.start_time IS NOT NULL
ORDER BY flow_run.expected_start_time DESC, flow_run.id DESC LIMIT :n;

-- name: times_of_deployments
-- How long the newest runs of some deployments took, if they completed, all of a deployment in one list: a row of an
-- index leads to its run, which a join by id would look up a second time.
SELECT one.id, (
    SELECT {list}(total_run_time) FROM (
        SELECT state_type, total_run_time FROM flow_run
        WHERE deployment_id = one.id AND expected_start_time <= :now
        ORDER BY expected_start_time DESC, id DESC LIMIT :n
    ) AS run WHERE state_type = 'COMPLETED'
)
FROM deployment AS one WHERE one.id IN {listed:ids};

-- name: next_of_deployments
-- When some deployments run next.
SELECT one.id, (
    SELECT min(expected_start_time) FROM flow_run
    WHERE deployment_id = one.id AND state_type = 'SCHEDULED' AND expected_start_time > :now
) FROM deployment AS one WHERE one.id IN {listed:ids};

-- name: days_of_deployment
-- States of a deployment's runs since a day.
SELECT expected_start_time, state_type, state_name FROM flow_run
WHERE deployment_id = :id AND expected_start_time >= :since AND expected_start_time <= :now
ORDER BY expected_start_time DESC LIMIT 5000;

-- name: waiting
-- Runs that wait in queues and are due by a time, and how many of them are late.
SELECT work_queue_name, count(*), sum(CASE WHEN state_name = 'Late' THEN 1 ELSE 0 END) FROM flow_run
WHERE state_type = 'SCHEDULED' AND next_scheduled_start_time <= :until AND work_queue_name IS NOT NULL
GROUP BY work_queue_name;

-- name: busy
-- Runs of queues that hold a slot.
SELECT work_queue_name, count(*) FROM flow_run
WHERE state_type IN ('PENDING', 'RUNNING', 'CANCELLING') AND work_queue_name IS NOT NULL GROUP BY work_queue_name;

-- name: slot_holders
-- Task runs that hold slots of limits, the longest first.
SELECT concurrency_slot.limit_id, task_run.id, task_run.name, task_run.start_time, flow_run.id, flow_run.name
FROM concurrency_slot JOIN task_run ON task_run.id = concurrency_slot.task_run_id
    LEFT JOIN flow_run ON flow_run.id = task_run.flow_run_id
WHERE concurrency_slot.limit_id IN {listed:ids} ORDER BY task_run.start_time LIMIT 500;

-- name: lease_holders
-- Leases on slots of limits, the oldest first.
SELECT limit_id, holder_type, holder_id, slots, created FROM concurrency_lease
WHERE limit_id IN {listed:ids} ORDER BY created LIMIT 500;

-- name: log_count
-- How many lines a run has logged, up to :most.
SELECT count(*) FROM (SELECT 1 FROM log WHERE flow_run_id = :id LIMIT :most) AS line;

-- name: newest_log
-- The line that arrived last: ids grow with arrival, and what arrives late is seldom thousands of lines late.
SELECT max(id) FROM (SELECT id FROM log WHERE flow_run_id = :id ORDER BY timestamp DESC, id DESC LIMIT 2000) AS line;

-- name: logs_after
-- Lines of a run in the order of their arrival, after the one named; an index alone tells which.
SELECT id, created, timestamp, flow_run_id, task_run_id, level, name, message FROM log WHERE id IN (
    SELECT id FROM log WHERE flow_run_id = :id AND timestamp >= :since AND id > :after ORDER BY id LIMIT :n
) ORDER BY id;

-- name: log_count_after
-- How many lines of a run arrived after the one named, and which came last.
SELECT count(*), max(id) FROM log WHERE flow_run_id = :id AND timestamp >= :since AND id > :after;
