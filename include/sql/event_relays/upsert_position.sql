-- Move a relay on. Parameters: name, position. Called by storage.relay.
INSERT INTO event_relays (name, position) VALUES (%(name)s, %(position)s)
ON CONFLICT (name) DO UPDATE SET position = excluded.position, updated_at = clock_timestamp()
