-- Blocks as the console's pages list them: by type, with where each is used. Anonymous ones are not shown.

-- name: page
-- Documents whose type or name contains a text and whose schema has a capability, by type and name.
SELECT block_document.id FROM block_document
JOIN block_type ON block_type.id = block_document.block_type_id
JOIN block_schema ON block_schema.id = block_document.block_schema_id
WHERE NOT block_document.is_anonymous
    AND (block_document.name {like} :text ESCAPE '\' OR block_type.name {like} :text ESCAPE '\'
         OR block_type.slug {like} :text ESCAPE '\')
    AND block_schema.capabilities {like} :capability ESCAPE '\'
ORDER BY block_type.name, block_document.name, block_document.id LIMIT :limit OFFSET :offset;

-- name: totals
-- How many of those there are of each type.
SELECT block_type.id, count(*) FROM block_document
JOIN block_type ON block_type.id = block_document.block_type_id
JOIN block_schema ON block_schema.id = block_document.block_schema_id
WHERE NOT block_document.is_anonymous
    AND (block_document.name {like} :text ESCAPE '\' OR block_type.name {like} :text ESCAPE '\'
         OR block_type.slug {like} :text ESCAPE '\')
    AND block_schema.capabilities {like} :capability ESCAPE '\'
GROUP BY block_type.id;

-- name: uses
-- Who refers to a document by its id: policies, deployments that store or run by it, documents that hold it.
SELECT 'policy', id, block_document_id, state_names FROM flow_run_notification_policy
WHERE block_document_id IN {listed:ids}
UNION ALL
SELECT 'storage', d.id, d.storage_document_id, f.name || '/' || d.name FROM deployment d JOIN flow f ON f.id = d.flow_id
WHERE d.storage_document_id IN {listed:ids}
UNION ALL
SELECT 'infrastructure', d.id, d.infrastructure_document_id, f.name || '/' || d.name
FROM deployment d JOIN flow f ON f.id = d.flow_id WHERE d.infrastructure_document_id IN {listed:ids}
UNION ALL
SELECT 'block', p.id, r.child_id, t.slug || '/' || p.name
FROM block_document_reference r JOIN block_document p ON p.id = r.parent_id JOIN block_type t ON t.id = p.block_type_id
WHERE r.child_id IN {listed:ids};

-- name: named_by
-- Deployments in whose parameters, job variables or pull steps a text stands.
SELECT d.id, f.name || '/' || d.name FROM deployment d JOIN flow f ON f.id = d.flow_id
WHERE d.parameters LIKE :text ESCAPE '\' OR d.job_variables LIKE :text ESCAPE '\' OR d.pull_steps LIKE :text ESCAPE '\'
ORDER BY 2 LIMIT 50;

-- name: options
-- The documents of some types to choose from.
SELECT t.slug, d.id, d.name FROM block_document d JOIN block_type t ON t.id = d.block_type_id
WHERE t.slug IN {listed:slugs} AND NOT d.is_anonymous ORDER BY t.slug, d.name LIMIT 1000;

-- name: schemas
-- The newest schema of each type.
SELECT s.id, s.block_type_id, s.capabilities FROM block_schema s
WHERE s.id = (SELECT n.id FROM block_schema n WHERE n.block_type_id = s.block_type_id ORDER BY n.created DESC, n.id DESC LIMIT 1);

-- name: links
-- What a document holds: documents by the place in its data.
SELECT name, child_id FROM block_document_reference WHERE parent_id = :id;

-- name: unlink
-- A document holds nothing.
DELETE FROM block_document_reference WHERE parent_id = :id;

-- name: link
-- A document holds another one, if that is there.
INSERT INTO block_document_reference (id, name, parent_id, child_id)
SELECT :id, CAST(:place AS TEXT), CAST(:parent AS TEXT), block_document.id FROM block_document WHERE block_document.id = :child
ON CONFLICT DO NOTHING;
