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
SELECT date_trunc('hour', minute, 'UTC'), state_type, state_name, 0, sum(n), sum(run_time), sum(lateness)
FROM flow_run_minute GROUP BY 1, 2, 3;

CREATE FUNCTION orion_by_hour() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    more flow_run_minute := NEW;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        more.n := NEW.n - OLD.n;
        more.run_time := NEW.run_time - OLD.run_time;
        more.lateness := NEW.lateness - OLD.lateness;
    END IF;
    INSERT INTO flow_run_hour AS h (hour, state_type, state_name, n, run_time, lateness)
    VALUES (date_trunc('hour', more.minute, 'UTC'), more.state_type, more.state_name,
        more.n, more.run_time, more.lateness)
    ON CONFLICT (state_type, state_name, hour, shard) DO UPDATE SET
        n = h.n + EXCLUDED.n, run_time = h.run_time + EXCLUDED.run_time, lateness = h.lateness + EXCLUDED.lateness;
    RETURN NULL;
END $$;

CREATE FUNCTION orion_not_by_hour() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO flow_run_hour AS h (hour, state_type, state_name, n, run_time, lateness)
    SELECT date_trunc('hour', minute, 'UTC'), state_type, state_name, -sum(n), -sum(run_time), -sum(lateness)
    FROM gone GROUP BY 1, 2, 3 ORDER BY 2, 3, 1
    ON CONFLICT (state_type, state_name, hour, shard) DO UPDATE SET
        n = h.n + EXCLUDED.n, run_time = h.run_time + EXCLUDED.run_time, lateness = h.lateness + EXCLUDED.lateness;
    RETURN NULL;
END $$;

CREATE TRIGGER flow_run_minute_added AFTER INSERT OR UPDATE ON flow_run_minute
    FOR EACH ROW EXECUTE FUNCTION orion_by_hour();
CREATE TRIGGER flow_run_minute_removed AFTER DELETE ON flow_run_minute
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION orion_not_by_hour();

DROP INDEX flow_run_expected;
CREATE INDEX flow_run_expected ON flow_run (expected_start_time, id, name, work_queue_name, state_type, state_name);
