-- Who waits for slots of limits: a line for each limit, with a place for each who waits.

-- name: line
-- Those who keep a place in the line of a limit, from a place on, and the asker itself whether it has kept its own.
SELECT id, place, slots, limits, offered FROM slot_waiter
WHERE limit_id = :limit_id AND place > :after AND (until > :now OR id = :id)
ORDER BY place LIMIT :n;

-- name: wanted
-- What somebody waits for.
SELECT limit_id, slots FROM slot_waiter WHERE id = :id;

-- name: join
-- A place at the end of a line; who has one keeps it for longer, and is no longer offered what is not there.
INSERT INTO slot_waiter (limit_id, id, place, slots, limits, since, seen, until, run_id)
VALUES (:limit_id, :id, (SELECT COALESCE(MAX(place), 0) + 1 FROM slot_waiter WHERE limit_id = :limit_id),
    :slots, :limits, :now, :now, :until, :run_id)
ON CONFLICT (limit_id, id) DO UPDATE SET
    slots = excluded.slots, limits = excluded.limits, seen = excluded.seen, until = excluded.until,
    offered = CASE WHEN CAST(:full AS BOOLEAN) THEN NULL ELSE slot_waiter.offered END
WHERE slot_waiter.until < :soon OR slot_waiter.slots <> excluded.slots OR slot_waiter.limits <> excluded.limits
    OR (slot_waiter.offered IS NOT NULL AND CAST(:full AS BOOLEAN));

-- name: offer
-- Let somebody go first from now on, unless it was let before.
UPDATE slot_waiter SET offered = :now WHERE id = :id AND offered IS NULL;

-- name: leave
-- Somebody has what it waited for, or does not want it any more.
DELETE FROM slot_waiter WHERE id = :id;

-- name: of_runs
-- What the code of some runs waits for, as far as they have asked lately.
SELECT w.run_id, l.name, w.slots, w.since
FROM slot_waiter w JOIN concurrency_limit l ON l.id = w.limit_id
WHERE w.run_id IN {listed:run_ids} AND w.seen > :since
ORDER BY w.run_id, w.since, l.name;

-- name: drop_silent
-- Those who have not asked for long.
DELETE FROM slot_waiter WHERE seen < :before AND until < :before;
