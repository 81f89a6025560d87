-- Task runs that arrive as events.

-- name: find
-- A task run by its id, else by its natural key.
SELECT id FROM task_run
WHERE id = :id OR flow_run_id = :flow_run_id AND task_key = :task_key AND dynamic_key = :dynamic_key
ORDER BY CASE WHEN id = :id THEN 0 ELSE 1 END LIMIT 1;
