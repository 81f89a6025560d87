-- Log lines.

-- name: insert
-- Keep one line, once.
INSERT INTO log (id, created, timestamp, flow_run_id, task_run_id, level, source, seq, name, message)
VALUES (:id, :created, :timestamp, :flow_run_id, :task_run_id, :level, :source, :seq, :name, :message)
ON CONFLICT (source, seq) WHERE source IS NOT NULL AND seq IS NOT NULL DO NOTHING;
