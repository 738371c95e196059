-- The events stay; their links and the names of their runs go. Applying it again links them as events from before it.
DROP TRIGGER audit_events_noted ON audit_events;
DROP TABLE audit_pending;
DROP TABLE audit_chain;
DROP FUNCTION note_audit_events();
DROP FUNCTION chain_audit_events();
DROP FUNCTION append_audit_links(uuid[]);
DROP AGGREGATE audit_links(bytea, bytea);
DROP FUNCTION audit_link(bytea, bytea, bytea);
DROP VIEW audit_event_hashes;
ALTER TABLE audit_events DROP COLUMN run_id;
