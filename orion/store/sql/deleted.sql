-- What was deleted: kept for a while, so that an old link can say what became of its end.

-- name: find
-- What is known of something that is gone.
SELECT kind, name, deleted FROM deleted WHERE id = :id;

-- name: forget
-- Leave out what was deleted long ago.
DELETE FROM deleted WHERE deleted < :before;
