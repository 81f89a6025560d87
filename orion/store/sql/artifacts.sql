-- Artifacts. A collection points to the newest artifact of its key.

-- name: is_newest
-- The end of an insert of a collection: where the key is known, it points to the new artifact.
 ON CONFLICT (key) DO UPDATE SET latest_id = excluded.latest_id, updated = excluded.updated;

-- name: touch
-- The collection changes with its newest artifact.
UPDATE artifact_collection SET updated = :now WHERE latest_id = :id;

-- name: one
-- One artifact.
SELECT id, key FROM artifact WHERE id = :id;

-- name: of_flow_run
-- What a flow run and its tasks left.
SELECT id, key FROM artifact
WHERE flow_run_id = :id OR task_run_id IN (SELECT id FROM task_run WHERE flow_run_id = :id);

-- name: of_task_runs
-- What some task runs left.
SELECT id, key FROM artifact WHERE task_run_id IN {listed:ids};

-- name: of_flow
-- What the runs of a flow left.
SELECT id, key FROM artifact WHERE flow_run_id IN (SELECT id FROM flow_run WHERE flow_id = :id);

-- name: delete
-- Some artifacts.
DELETE FROM artifact WHERE id IN {listed:ids};

-- name: lock_collections
-- The collections of some keys, so that nobody moves them meanwhile.
SELECT id FROM artifact_collection WHERE key IN {listed:keys} ORDER BY key {for_update};

-- name: step_back
-- Collections whose newest artifact is gone point to the one before it.
UPDATE artifact_collection SET latest_id = (
    SELECT artifact.id FROM artifact WHERE artifact.key = artifact_collection.key ORDER BY artifact.id DESC LIMIT 1
)
WHERE key IN {listed:keys} AND NOT EXISTS (SELECT 1 FROM artifact WHERE artifact.id = artifact_collection.latest_id)
    AND EXISTS (SELECT 1 FROM artifact WHERE artifact.key = artifact_collection.key);

-- name: drop_empty
-- Collections without an artifact go.
DELETE FROM artifact_collection
WHERE key IN {listed:keys} AND NOT EXISTS (SELECT 1 FROM artifact WHERE artifact.key = artifact_collection.key);
