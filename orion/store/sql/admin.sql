-- Administration.

-- name: tables
-- Every table in SQLite.
SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_' ORDER BY name;

-- name: tables_postgres
-- Every table in PostgreSQL.
SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename;

-- name: newest
-- A read of the table that was added last; it fails where the schema is not there.
SELECT n FROM counter LIMIT 1;

-- name: ping
-- Shows that a write goes through.
INSERT INTO setting (name, value, updated) VALUES ('ping', '', :now)
ON CONFLICT (name) DO UPDATE SET updated = excluded.updated;
