-- Slots: who holds how much of a limit. Held slots are rows; those of task runs count only while the run is RUNNING.

-- name: lock_limits
-- The active limits of some names, kept from other takers until the transaction ends.
SELECT id, name, slot_limit, active_slots, slot_decay_per_second, avg_slot_occupancy_seconds, slots_at
FROM concurrency_limit
WHERE name IN {listed:names} AND active
ORDER BY name {for_update};

-- name: held
-- How many slots of some limits are held by task runs and by leases, those of one task run left out; and who waits.
SELECT s.limit_id, count(*), 0
FROM concurrency_slot s
WHERE s.limit_id IN {listed:limit_ids} AND s.task_run_id <> :task_run_id AND EXISTS (
    SELECT 1 FROM task_run t LEFT JOIN flow_run f ON f.id = t.flow_run_id
    WHERE t.id = s.task_run_id AND t.state_type = 'RUNNING'
      AND (f.id IS NULL OR f.state_type NOT IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED')))
GROUP BY s.limit_id
UNION ALL
SELECT limit_id, CAST(sum(slots) AS BIGINT), 0
FROM concurrency_lease
WHERE limit_id IN {listed:limit_ids} AND lease_until > :now
GROUP BY limit_id
UNION ALL
SELECT l.id, 0, 1
FROM concurrency_limit l
WHERE l.id IN {listed:limit_ids} AND EXISTS (SELECT 1 FROM slot_waiter w WHERE w.limit_id = l.id);

-- name: unlocked
-- Some limits as `lock_limits` gives them, for a look only.
SELECT id, name, slot_limit, active_slots, slot_decay_per_second, avg_slot_occupancy_seconds, slots_at
FROM concurrency_limit
WHERE id IN {listed:limit_ids} AND active
ORDER BY name;

-- name: hold_slot
-- A slot for a task run that enters RUNNING.
INSERT INTO concurrency_slot (limit_id, task_run_id) VALUES (:limit_id, :task_run_id) ON CONFLICT DO NOTHING;

-- name: free_slots
-- Every slot of a task run that leaves RUNNING.
DELETE FROM concurrency_slot WHERE task_run_id = :task_run_id;

-- name: set_taken
-- How many slots are taken without a lease, as of now, and how long they are held on average.
UPDATE concurrency_limit
SET active_slots = :active_slots, avg_slot_occupancy_seconds = :occupancy, slots_at = :now
WHERE id = :id;

-- name: add_limit
-- A limit that is not enforced until somebody makes it active.
INSERT INTO concurrency_limit (id, created, updated, name, slot_limit, active)
VALUES (:id, :now, :now, :name, 1, FALSE)
ON CONFLICT (name) DO NOTHING;

-- name: add_lease
-- Slots held until a time, renewable.
INSERT INTO concurrency_lease (id, limit_id, created, slots, lease_until, holder_type, holder_id)
VALUES (:id, :limit_id, :now, :slots, :lease_until, :holder_type, :holder_id);

-- name: renew_lease
-- A later end for a lease that has not ended.
UPDATE concurrency_lease SET lease_until = :lease_until WHERE id = :id AND lease_until > :now;

-- name: drop_lease
-- The slots of a lease are free again.
DELETE FROM concurrency_lease WHERE id = :id;

-- name: drop_ended_leases
-- Leases that nobody renewed; they do not count any more, so this only tidies up.
DELETE FROM concurrency_lease WHERE lease_until <= :now;
