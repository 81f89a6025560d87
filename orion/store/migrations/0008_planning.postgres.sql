-- Planning many runs: fewer indexes for a run that has not begun.

DROP INDEX flow_run_end;
CREATE INDEX flow_run_end ON flow_run (end_time DESC NULLS LAST, id DESC) WHERE end_time IS NOT NULL;
DROP INDEX flow_run_next;
DROP INDEX flow_run_due;
CREATE INDEX flow_run_next ON flow_run (next_scheduled_start_time, id) WHERE next_scheduled_start_time IS NOT NULL;
DROP INDEX flow_run_live;
