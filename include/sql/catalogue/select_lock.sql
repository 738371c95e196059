-- Takes the advisory lock of a name in the schema written to; waits for whoever holds it. Parameter: name.
-- Called by storage.database.
SELECT pg_advisory_xact_lock(hashtextextended(
    CASE current_schema() WHEN 'public' THEN '' ELSE current_schema() || '/' END || %(name)s, 0)) AS held
