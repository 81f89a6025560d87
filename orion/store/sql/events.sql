-- Events that clients report.

-- name: insert
-- Keep an event, once.
INSERT INTO event (id, occurred, received, event, resource_id, follows, resource, related, payload)
VALUES (:id, :occurred, :received, :event, :resource_id, :follows, :resource, :related, :payload)
ON CONFLICT (id) DO NOTHING;

-- name: of_resource
-- The newest events of a resource.
SELECT id, occurred, received, event, follows, resource, related, payload
FROM event WHERE resource_id = :resource_id ORDER BY occurred DESC, id DESC LIMIT :limit;
