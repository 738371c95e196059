-- Every column of tables that the role may read. Parameter: tables. Called by storage.differences, storage.hashes.
SELECT t.name AS table, attname AS name
FROM unnest(%(tables)s::text[]) AS t (name) JOIN pg_attribute ON attrelid = to_regclass(t.name)
WHERE attnum > 0 AND NOT attisdropped AND has_column_privilege(attrelid, attnum, 'SELECT')
ORDER BY t.name, attnum
