-- Every column of a table. Parameter: table. Called by storage.hashes.
SELECT attname AS name FROM pg_attribute
WHERE attrelid = to_regclass(%(table)s::text) AND attnum > 0 AND NOT attisdropped
ORDER BY attnum
