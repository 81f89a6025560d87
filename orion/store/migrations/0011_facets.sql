-- Histories of a tag or a queue: finished flow runs by hour for each of them; how runs of a deployment ended, in its index.

CREATE TABLE flow_run_facet_hour (
    facet {text} NOT NULL,                       -- "tag:a" or "queue:a"
    hour {time} NOT NULL,
    state_type {text} NOT NULL,
    state_name {text} NOT NULL,
    shard BIGINT NOT NULL DEFAULT {shard},
    n BIGINT NOT NULL,
    run_time DOUBLE PRECISION NOT NULL,
    lateness DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (facet, state_type, state_name, hour, shard)
) {without_rowid};

INSERT INTO flow_run_facet_hour (facet, hour, state_type, state_name, shard, n, run_time, lateness)
SELECT facet, {hour:expected_start_time}, state_type, state_name, 0, count(*), sum(total_run_time),
    sum(CASE
        WHEN start_time > expected_start_time THEN ({micros:start_time} - {micros:expected_start_time}) / 1000000.0
        ELSE 0
    END)
FROM (
    SELECT 'tag:' || flow_run_tag.tag AS facet, flow_run.expected_start_time, flow_run.start_time,
        flow_run.state_type, flow_run.state_name, flow_run.total_run_time
    FROM flow_run JOIN flow_run_tag ON flow_run_tag.flow_run_id = flow_run.id
    UNION ALL
    SELECT 'queue:' || work_queue_name, expected_start_time, start_time, state_type, state_name, total_run_time
    FROM flow_run WHERE work_queue_name IS NOT NULL
) AS run
WHERE state_type IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED') AND expected_start_time IS NOT NULL
GROUP BY 1, 2, 3, 4;

DROP INDEX flow_run_deployment;
CREATE INDEX flow_run_deployment ON flow_run (deployment_id, expected_start_time, id, state_type, total_run_time)
    WHERE deployment_id IS NOT NULL;
