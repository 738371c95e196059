-- One row per column of a table or temporary table that can be written. Parameter: table. Called by storage.database.
SELECT attname AS name, format_type(atttypid, NULL) AS type
FROM pg_attribute
WHERE attrelid = to_regclass(%(table)s::text) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
ORDER BY attnum
