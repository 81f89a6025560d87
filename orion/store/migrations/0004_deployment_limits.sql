-- Deployment limits: the deployments that have one, and their runs under way.

CREATE INDEX deployment_limited ON deployment (id) WHERE concurrency_limit IS NOT NULL;
CREATE INDEX flow_run_deployment_busy ON flow_run (deployment_id)
    WHERE state_type IN ('PENDING', 'RUNNING', 'CANCELLING');
