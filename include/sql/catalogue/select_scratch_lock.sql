-- Whether the schema is in nobody's use; from then on in this connection's, to its end. Parameter: schema.
-- Called by storage.scratch.
SELECT pg_try_advisory_lock(hashtextextended('scratch/' || %(schema)s, 0)) AS taken
