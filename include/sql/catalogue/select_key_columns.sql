-- Columns of tables that are part of a primary or foreign key, in their order. No parameters.
-- Called by storage.document.
SELECT c.relname::text AS name, a.attname::text AS column_name, t.typname::text AS type,
       bool_or(k.contype = 'p') AS is_primary, bool_or(k.contype = 'f') AS is_foreign
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid AND c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(k.conkey)
JOIN pg_type t ON t.oid = a.atttypid
WHERE k.contype IN ('p', 'f') AND NOT c.relispartition AND c.relname !~ 'yoyo'
GROUP BY c.relname, a.attname, a.attnum, t.typname ORDER BY c.relname, a.attnum
