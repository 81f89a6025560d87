-- Triggers that keep `counter` true for flow_run and task_run, deletes by cascade included.

CREATE TRIGGER flow_run_added AFTER INSERT ON flow_run BEGIN
    INSERT INTO counter (name, n) VALUES ('flow_run', 1) ON CONFLICT (name, shard) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER flow_run_removed AFTER DELETE ON flow_run BEGIN
    UPDATE counter SET n = n - 1 WHERE name = 'flow_run';
END;
CREATE TRIGGER task_run_added AFTER INSERT ON task_run BEGIN
    INSERT INTO counter (name, n) VALUES ('task_run', 1) ON CONFLICT (name, shard) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER task_run_removed AFTER DELETE ON task_run BEGIN
    UPDATE counter SET n = n - 1 WHERE name = 'task_run';
END;
