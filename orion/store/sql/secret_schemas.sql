-- Schemas of parameters that know secrets, by flow: they outlive the deployments that they came with.

-- name: note
-- A deployment was given a schema that knows secrets.
INSERT INTO secret_schema (flow_id, digest, schema, seen)
SELECT flow_id, :digest, :schema, :now FROM deployment WHERE id = :deployment_id
ON CONFLICT (flow_id, digest) DO UPDATE SET seen = excluded.seen;

-- name: of_flow
-- What the deployments of a flow call or called secrets, the newest first.
SELECT schema FROM secret_schema WHERE flow_id = :flow_id ORDER BY seen DESC, digest LIMIT :most;
