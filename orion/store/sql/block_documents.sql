-- Block documents.

-- name: sealed_after
-- The sealed data of the documents after an id, in order.
SELECT id, data FROM block_document WHERE id > :after ORDER BY id LIMIT :limit;

-- name: reseal
-- The same data, sealed with another key; nothing else about the document changes.
UPDATE block_document SET data = :data WHERE id = :id;
