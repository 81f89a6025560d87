-- Who waits for slots of limits, on whatever server: oldest first holds over all of them, and rings are seen whole.

CREATE TABLE slot_waiter (
    limit_id {id} NOT NULL REFERENCES concurrency_limit (id) ON DELETE CASCADE,
    id {id} NOT NULL,                            -- the same however often it asks: a task run, or what the client chose
    place BIGINT NOT NULL,                       -- in the line of this limit
    slots BIGINT NOT NULL,
    limits BIGINT NOT NULL,                      -- how many limits it wants slots of at once
    since {time} NOT NULL,
    seen {time} NOT NULL,                        -- when it asked last
    until {time} NOT NULL,                       -- its place is kept until then
    offered {time},                              -- since when others let it go first
    run_id {id},                                 -- the run whose code waits
    PRIMARY KEY (limit_id, id)
) {without_rowid};
CREATE INDEX slot_waiter_place ON slot_waiter (limit_id, place);
CREATE INDEX slot_waiter_id ON slot_waiter (id);
CREATE INDEX slot_waiter_run ON slot_waiter (run_id) WHERE run_id IS NOT NULL;
