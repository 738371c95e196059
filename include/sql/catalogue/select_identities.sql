-- Columns of a schema's tables that number their rows by themselves. Parameter: schema. Called by storage.scratch.
SELECT c.relname::text AS name, a.attname::text AS column_name
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = to_regnamespace(%(schema)s::text) AND c.relkind = 'r' AND a.attidentity <> '' ORDER BY c.relname
