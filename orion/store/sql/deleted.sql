-- What was deleted: kept for a while, so that an old link can say what became of its end.

-- name: find
-- What is known of something that is gone.
SELECT kind, name, deleted FROM deleted WHERE id = :id;

-- name: note_runs
-- Write down runs that are about to go, each by its name.
INSERT INTO deleted (id, kind, name, deleted) SELECT id, :kind, name, :now FROM flow_run WHERE id IN {listed:ids}
ON CONFLICT (id) DO UPDATE SET deleted = excluded.deleted;

-- name: note_planned
-- The same of the runs that go with their deployment: those that its schedules have planned and nobody has started.
INSERT INTO deleted (id, kind, name, deleted) SELECT id, 'planned run', name, :now FROM flow_run
WHERE deployment_id = :id AND auto_scheduled AND state_type = 'SCHEDULED' AND run_count = 0
ON CONFLICT (id) DO UPDATE SET deleted = excluded.deleted;

-- name: newest_beyond
-- The newest of those that are too many.
SELECT deleted, id FROM deleted ORDER BY deleted DESC, id DESC LIMIT 1 OFFSET :most;

-- name: forget_beyond
-- Leave out one and all that went before it.
DELETE FROM deleted WHERE (deleted, id) <= (:deleted, :id);

-- name: forget
-- Leave out what was deleted long ago.
DELETE FROM deleted WHERE deleted < :before;
