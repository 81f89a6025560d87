-- Triggers that keep `counter` true for flow_run and task_run: one update a statement, in the connection's own shard.

CREATE FUNCTION orion_count() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    change BIGINT;
BEGIN
    SELECT count(*) * TG_ARGV[0]::BIGINT INTO change FROM changed;
    IF change <> 0 THEN
        INSERT INTO counter AS c (name, n) VALUES (TG_TABLE_NAME, change)
            ON CONFLICT (name, shard) DO UPDATE SET n = c.n + EXCLUDED.n;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER flow_run_added AFTER INSERT ON flow_run
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION orion_count('1');
CREATE TRIGGER flow_run_removed AFTER DELETE ON flow_run
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION orion_count('-1');
CREATE TRIGGER task_run_added AFTER INSERT ON task_run
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION orion_count('1');
CREATE TRIGGER task_run_removed AFTER DELETE ON task_run
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION orion_count('-1');
