-- The duties of the clock: who may work now, and how each fared.

-- name: take
-- Hold a duty for a while. Only one holder works; all would stay correct without it.
INSERT INTO service_lease (name, holder, until) VALUES (:name, :holder, :until)
ON CONFLICT (name) DO UPDATE SET holder = :holder, until = :until
WHERE service_lease.holder = :holder OR service_lease.until < :now;

-- name: holder
-- Who holds a duty.
SELECT holder FROM service_lease WHERE name = :name;

-- name: release
-- Let another holder work at once.
DELETE FROM service_lease WHERE holder = :holder;

-- name: finished
-- A duty has ended, well or not.
INSERT INTO service_run (name, last_started, last_finished, last_error, count)
VALUES (:name, :started, :now, :error, :count)
ON CONFLICT (name) DO UPDATE SET last_started = :started, last_finished = :now, last_error = :error,
    count = service_run.count + :count;

-- name: serve
-- A web server lives; since when it does without a gap, or another one before it.
INSERT INTO service_run (name, last_started, last_finished, count) VALUES (:name, :now, :now, 0)
ON CONFLICT (name) DO UPDATE SET last_finished = :now, last_started = CASE
    WHEN service_run.last_finished BETWEEN :before AND :after THEN service_run.last_started ELSE :now END;

-- name: serving
-- Since when web servers live without a gap, and when the last one said so.
SELECT last_started, last_finished FROM service_run WHERE name = :name;

-- name: every
-- How each duty fared the last time.
SELECT name, last_started, last_finished, last_error, count FROM service_run ORDER BY name;
