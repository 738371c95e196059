-- Every column of a table that the role may read. Parameter: table. Called by storage.differences, storage.hashes.
SELECT attname AS name FROM pg_attribute
WHERE attrelid = to_regclass(%(table)s::text) AND attnum > 0 AND NOT attisdropped
  AND has_column_privilege(attrelid, attnum, 'SELECT')
ORDER BY attnum
