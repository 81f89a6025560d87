-- Pages of big databases: task runs counted by state, and runs of a tag by time, from an index alone.

CREATE INDEX task_run_flow_run_state ON task_run (flow_run_id, state_type, state_name);

ALTER TABLE flow_run_tag ADD COLUMN expected_start_time {time};
UPDATE flow_run_tag SET expected_start_time =
    (SELECT expected_start_time FROM flow_run WHERE flow_run.id = flow_run_tag.flow_run_id);
DROP INDEX flow_run_tag_tag;
CREATE INDEX flow_run_tag_tag ON flow_run_tag (tag, expected_start_time, flow_run_id);

CREATE TRIGGER flow_run_expected_anew AFTER UPDATE OF expected_start_time ON flow_run
WHEN OLD.expected_start_time IS NOT NEW.expected_start_time BEGIN
    UPDATE flow_run_tag SET expected_start_time = NEW.expected_start_time WHERE flow_run_id = NEW.id;
END;
