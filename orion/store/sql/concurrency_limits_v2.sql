-- Named limits.

-- name: insert
-- Make a limit, unless the name is taken.
INSERT INTO concurrency_limit
    (id, created, updated, name, slot_limit, active, active_slots, denied_slots, slot_decay_per_second, slots_at)
VALUES (:id, :now, :now, :name, :slot_limit, :active, :active_slots, :denied_slots, :decay, :now)
ON CONFLICT (name) DO NOTHING;

-- name: get
-- A limit by its id or its name.
SELECT id, created, updated, name, slot_limit, active, active_slots, denied_slots, slot_decay_per_second,
    avg_slot_occupancy_seconds, slots_at
FROM concurrency_limit WHERE id = :key OR name = :key
ORDER BY id = :key DESC LIMIT 1;

-- name: filter
-- All limits, by name.
SELECT id, created, updated, name, slot_limit, active, active_slots, denied_slots, slot_decay_per_second,
    avg_slot_occupancy_seconds, slots_at
FROM concurrency_limit ORDER BY name LIMIT :limit OFFSET :offset;

-- name: free_leases
-- Drop all leases on a limit.
DELETE FROM concurrency_lease WHERE limit_id = :id;

-- name: delete
-- Delete a limit with its slots and leases.
DELETE FROM concurrency_limit WHERE id = :id;
