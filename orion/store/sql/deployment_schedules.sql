-- Schedules of deployments.

-- name: of_all
-- The schedules of some deployments, in the order they were added.
SELECT {columns} FROM deployment_schedule WHERE deployment_id IN {listed:ids} ORDER BY id;

-- name: one
-- Whether a deployment has a schedule.
SELECT id FROM deployment_schedule WHERE id = :id AND deployment_id = :deployment_id;

-- name: delete
-- Take a schedule away.
DELETE FROM deployment_schedule WHERE id = :id AND deployment_id = :deployment_id;

-- name: touch
-- A new version of what planned runs depend on.
UPDATE deployment SET schedule_version = schedule_version + 1 WHERE id = :id;
