-- Long histories: the roll-up by minute added up by hour for all flows together; names, queues and states beside times.

CREATE TABLE flow_run_hour (
    hour {time} NOT NULL,
    state_type {text} NOT NULL,
    state_name {text} NOT NULL,
    shard BIGINT NOT NULL DEFAULT {shard},
    n BIGINT NOT NULL,
    run_time DOUBLE PRECISION NOT NULL,
    lateness DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (state_type, state_name, hour, shard)
) {without_rowid};

INSERT INTO flow_run_hour (hour, state_type, state_name, shard, n, run_time, lateness)
SELECT minute - (minute % 3600000000 + 3600000000) % 3600000000, state_type, state_name, 0,
    sum(n), sum(run_time), sum(lateness)
FROM flow_run_minute GROUP BY 1, 2, 3;

CREATE TRIGGER flow_run_minute_added AFTER INSERT ON flow_run_minute BEGIN
    INSERT INTO flow_run_hour (hour, state_type, state_name, n, run_time, lateness)
    VALUES (NEW.minute - (NEW.minute % 3600000000 + 3600000000) % 3600000000, NEW.state_type, NEW.state_name,
        NEW.n, NEW.run_time, NEW.lateness)
    ON CONFLICT (state_type, state_name, hour, shard) DO UPDATE SET
        n = n + excluded.n, run_time = run_time + excluded.run_time, lateness = lateness + excluded.lateness;
END;
CREATE TRIGGER flow_run_minute_changed AFTER UPDATE ON flow_run_minute BEGIN
    UPDATE flow_run_hour SET
        n = n + NEW.n - OLD.n,
        run_time = run_time + NEW.run_time - OLD.run_time,
        lateness = lateness + NEW.lateness - OLD.lateness
    WHERE state_type = NEW.state_type AND state_name = NEW.state_name AND shard = 0
        AND hour = NEW.minute - (NEW.minute % 3600000000 + 3600000000) % 3600000000;
END;
CREATE TRIGGER flow_run_minute_removed AFTER DELETE ON flow_run_minute BEGIN
    UPDATE flow_run_hour SET
        n = n - OLD.n, run_time = run_time - OLD.run_time, lateness = lateness - OLD.lateness
    WHERE state_type = OLD.state_type AND state_name = OLD.state_name AND shard = 0
        AND hour = OLD.minute - (OLD.minute % 3600000000 + 3600000000) % 3600000000;
END;

DROP INDEX flow_run_expected;
CREATE INDEX flow_run_expected ON flow_run (expected_start_time, id, name, work_queue_name, state_type, state_name);
