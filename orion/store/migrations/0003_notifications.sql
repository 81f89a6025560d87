-- Notifications: policies of some flows and deployments only, and what became of each message.

ALTER TABLE flow_run_notification_policy ADD COLUMN flow_ids TEXT NOT NULL DEFAULT '[]';
ALTER TABLE flow_run_notification_policy ADD COLUMN deployment_ids TEXT NOT NULL DEFAULT '[]';
ALTER TABLE notification_outbox ADD COLUMN first_attempt {time};
ALTER TABLE notification_outbox ADD COLUMN answer TEXT;
CREATE INDEX notification_outbox_created ON notification_outbox (created, id);
