-- Block schemas.

-- name: by_checksum
-- The newest schema of a checksum, of one version if it is named.
SELECT {columns} FROM block_schema JOIN block_type ON block_type.id = block_schema.block_type_id
WHERE block_schema.checksum = :checksum
    AND (CAST(:version AS TEXT) IS NULL OR block_schema.version = CAST(:version AS TEXT))
ORDER BY block_schema.created DESC, block_schema.id DESC LIMIT 1;

-- name: capabilities
-- Every capability once.
SELECT DISTINCT value FROM block_schema, json_each(block_schema.capabilities) ORDER BY value;

-- name: capabilities_postgres
-- The same in PostgreSQL's words.
SELECT DISTINCT value FROM block_schema, jsonb_array_elements_text(CAST(block_schema.capabilities AS jsonb)) AS value
ORDER BY value;
