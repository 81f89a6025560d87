-- What was deleted, by name and when, so that an old link is answered with more than "not found".

CREATE TABLE deleted (                           -- no references: what it tells of is gone
    id {id} PRIMARY KEY,
    kind {text} NOT NULL,
    name {text} NOT NULL,
    deleted {time} NOT NULL
) {without_rowid};
CREATE INDEX deleted_time ON deleted (deleted);
