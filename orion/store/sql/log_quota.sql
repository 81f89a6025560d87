-- The quota of logs: what each run has written.

-- name: add
-- Count lines and bytes of a batch; what the run has written with them.
INSERT INTO log_size (flow_run_id, lines, bytes) VALUES (:run, :lines, :bytes)
ON CONFLICT (flow_run_id) DO UPDATE
SET lines = log_size.lines + excluded.lines, bytes = log_size.bytes + excluded.bytes
RETURNING lines, bytes;

-- name: counted
-- What is really there.
SELECT count(*), CAST(COALESCE(sum(length(message)), 0) AS BIGINT) FROM log WHERE flow_run_id = :run;

-- name: set
-- Correct the count.
UPDATE log_size SET lines = :lines, bytes = :bytes WHERE flow_run_id = :run;

-- name: there
-- Which numbers of a source are there.
SELECT seq FROM log WHERE source = :source AND seq BETWEEN :least AND :most;
