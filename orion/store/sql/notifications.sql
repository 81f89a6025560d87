-- Notifications: the outbox that transitions write and the clock empties.

-- name: claim
-- Take messages that are due for one sender, until its lease ends. A try counts when it begins. They are chosen
-- once, apart: PostgreSQL may run a locking subquery again for each row, and take more than the limit.
WITH chosen AS MATERIALIZED (
    SELECT id FROM notification_outbox
    WHERE delivered IS NULL AND dead IS NULL AND (next_attempt IS NULL OR next_attempt <= :now)
      AND (claim_until IS NULL OR claim_until <= :now)
    ORDER BY created, id LIMIT :n {skip_locked}
)
UPDATE notification_outbox
SET claim_until = :until, attempts = attempts + 1, first_attempt = COALESCE(first_attempt, :now)
WHERE id IN (SELECT id FROM chosen)
RETURNING id, attempts;

-- name: next_due
-- When the next message is to be tried; one that is being sent, when its lease ends.
SELECT MIN(COALESCE(claim_until, next_attempt, created)) FROM notification_outbox
WHERE delivered IS NULL AND dead IS NULL;

-- name: parcel
-- All that a message says.
SELECT p.id, p.block_document_id, p.message_template, s.id, f.id, f.name, r.id, r.name, r.parameters,
       s.type, s.name, s.timestamp, s.message
FROM notification_outbox o
JOIN flow_run_notification_policy p ON p.id = o.policy_id
JOIN flow_run r ON r.id = o.flow_run_id
JOIN flow f ON f.id = r.flow_id
JOIN flow_run_state s ON s.id = o.flow_run_state_id
WHERE o.id = :id;

-- name: forget
-- A message about a run that is gone.
DELETE FROM notification_outbox WHERE id = :id;

-- name: delivered
-- The receiver has taken it. That counts also when the lease was over.
UPDATE notification_outbox
SET delivered = :now, dead = NULL, claim_until = NULL, next_attempt = NULL, last_error = NULL, answer = :answer
WHERE id = :id AND delivered IS NULL;

-- name: retry
-- It failed and is tried again, unless somebody else has it by now.
UPDATE notification_outbox SET next_attempt = :at, claim_until = NULL, last_error = :error
WHERE id = :id AND attempts = :attempts AND delivered IS NULL AND dead IS NULL;

-- name: give_up
-- It is not tried again by itself.
UPDATE notification_outbox SET dead = :now, claim_until = NULL, next_attempt = NULL, last_error = :error
WHERE id = :id AND attempts = :attempts AND delivered IS NULL AND dead IS NULL;

-- name: send_again
-- Start over with a message that was given up or waits for its next try.
UPDATE notification_outbox SET dead = NULL, next_attempt = :now, attempts = 0
WHERE id = :id AND delivered IS NULL AND (claim_until IS NULL OR claim_until <= :now);

-- name: exists
-- Whether there is such a message.
SELECT 1 FROM notification_outbox WHERE id = :id;

-- name: recent
-- How the messages of each policy have fared: sent since a moment, given up, and when the last one went out.
SELECT policy_id, SUM(CASE WHEN delivered >= :since THEN 1 ELSE 0 END),
       SUM(CASE WHEN dead IS NOT NULL THEN 1 ELSE 0 END), MAX(delivered)
FROM notification_outbox GROUP BY policy_id;

-- name: totals
-- Messages by what became of them; those that went out since a moment.
SELECT SUM(CASE WHEN delivered >= :since THEN 1 ELSE 0 END), SUM(CASE WHEN dead IS NOT NULL THEN 1 ELSE 0 END),
       SUM(CASE WHEN delivered IS NULL AND dead IS NULL THEN 1 ELSE 0 END)
FROM notification_outbox;

-- name: blocks
-- Block documents that can send messages: those of a type that the channels know, or whose schema says so.
SELECT d.id, t.slug, d.name
FROM block_document d
JOIN block_type t ON t.id = d.block_type_id
JOIN block_schema s ON s.id = d.block_schema_id
WHERE NOT d.is_anonymous AND (s.capabilities LIKE '%"notify"%' OR t.slug IN {listed:slugs})
ORDER BY t.slug, d.name LIMIT 500;

-- name: named_blocks
-- Block documents by id.
SELECT d.id, t.slug, d.name FROM block_document d JOIN block_type t ON t.id = d.block_type_id
WHERE d.id IN {listed:ids};
