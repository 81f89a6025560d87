-- Planning many runs: fewer indexes for a run that has not begun, and a counter that is told once for many.

DROP INDEX flow_run_end;
CREATE INDEX flow_run_end ON flow_run (end_time DESC, id DESC) WHERE end_time IS NOT NULL;
DROP INDEX flow_run_next;
DROP INDEX flow_run_due;
CREATE INDEX flow_run_next ON flow_run (next_scheduled_start_time, id) WHERE next_scheduled_start_time IS NOT NULL;
DROP INDEX flow_run_live;

DROP TRIGGER flow_run_added;
CREATE TRIGGER flow_run_added AFTER INSERT ON flow_run WHEN NEW.schedule_id IS NULL BEGIN  -- who plans counts, too
    INSERT INTO counter (name, n) VALUES ('flow_run', 1) ON CONFLICT (name, shard) DO UPDATE SET n = n + 1;
END;
