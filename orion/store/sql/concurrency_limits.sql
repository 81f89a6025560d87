-- Limits of task runs by tag, in the table of named limits. Slots of runs that are not RUNNING do not count.

-- name: upsert
-- Make a limit, or change how many it lets through.
INSERT INTO concurrency_limit (id, created, updated, name, slot_limit)
VALUES (:id, :now, :now, :name, :slots)
ON CONFLICT (name) DO UPDATE SET slot_limit = excluded.slot_limit, active = TRUE, updated = excluded.updated;

-- name: get
-- The limit of a tag by its id.
SELECT id, created, updated, name, slot_limit FROM concurrency_limit
WHERE id = :id AND substr(name, 1, 4) = 'tag:';

-- name: by_name
-- The limit of a tag by its name.
SELECT id, created, updated, name, slot_limit FROM concurrency_limit WHERE name = :name;

-- name: filter
-- All limits of tags.
SELECT id, created, updated, name, slot_limit FROM concurrency_limit
WHERE name >= 'tag:' AND name < 'tag;' ORDER BY name LIMIT :limit OFFSET :offset;

-- name: slots
-- The task runs that hold slots of some limits.
SELECT concurrency_slot.limit_id, concurrency_slot.task_run_id
FROM concurrency_slot JOIN task_run ON task_run.id = concurrency_slot.task_run_id
WHERE concurrency_slot.limit_id IN {listed:ids} AND task_run.state_type = 'RUNNING'
ORDER BY concurrency_slot.limit_id, concurrency_slot.task_run_id;

-- name: free_slots
-- No task run holds a slot any more.
DELETE FROM concurrency_slot WHERE limit_id = :id;

-- name: free_leases
-- No lease holds a slot any more.
DELETE FROM concurrency_lease WHERE limit_id = :id;

-- name: hold
-- Give a slot to each of some task runs, as far as they are there.
INSERT INTO concurrency_slot (limit_id, task_run_id)
SELECT CAST(:id AS TEXT), id FROM task_run WHERE id IN {listed:task_run_ids};

-- name: touch
-- Nothing is taken outside slots and leases.
UPDATE concurrency_limit SET active_slots = 0, slots_at = :now, updated = :now WHERE id = :id;

-- name: delete
-- Delete a limit with its slots and leases.
DELETE FROM concurrency_limit WHERE id = :id;
