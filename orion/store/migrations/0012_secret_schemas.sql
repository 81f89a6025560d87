-- Which parameters of a flow's runs are secrets: known to its runs even when their deployment was changed or deleted.

CREATE TABLE secret_schema (
    flow_id {id} NOT NULL REFERENCES flow (id) ON DELETE CASCADE,
    digest {text} NOT NULL,
    schema {text} NOT NULL,
    seen {time} NOT NULL,                        -- when a deployment was last given it
    PRIMARY KEY (flow_id, digest)
);

INSERT INTO secret_schema (flow_id, digest, schema, seen)
SELECT flow_id, CAST(id AS TEXT), parameter_openapi_schema, updated FROM deployment
WHERE parameter_openapi_schema LIKE '%password%' OR parameter_openapi_schema LIKE '%writeOnly%';
