-- How far events have been handed on to others: audit_chain is the outbox, in the order of commits and without gaps.
CREATE TABLE event_relays (
    name text PRIMARY KEY CHECK (name ~ '^[a-z_]{1,40}$'),
    position bigint NOT NULL CHECK (position BETWEEN 0 AND 1000000000000000),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE event_relays IS 'One row per receiver of events: the last position of audit_chain that it has confirmed.';
COMMENT ON COLUMN event_relays.name IS 'Receiver: kafka';
COMMENT ON COLUMN event_relays.position IS 'audit_chain.position up to which all events are confirmed';
COMMENT ON COLUMN event_relays.updated_at IS 'Wall clock of the write';
GRANT INSERT, UPDATE (position, updated_at) ON event_relays TO quant_writer;
