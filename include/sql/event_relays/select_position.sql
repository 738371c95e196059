-- How far a relay is, no row before its first event. Parameter: name. Called by storage.relay.
SELECT position FROM event_relays WHERE name = %(name)s
