-- Log quota: how much each run has written, so that one run cannot fill the disk.

CREATE TABLE log_size (                          -- no reference to runs: lines may come before them
    flow_run_id {id} PRIMARY KEY,
    lines BIGINT NOT NULL,
    bytes BIGINT NOT NULL
) {without_rowid};
