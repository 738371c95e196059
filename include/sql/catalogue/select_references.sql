-- Foreign keys: which table's columns refer to which table. No parameters. Called by storage.document.
SELECT c.relname::text AS name, r.relname::text AS refers_to,
       (SELECT string_agg(a.attname, ', ' ORDER BY p.place) FROM unnest(k.conkey) WITH ORDINALITY p (number, place)
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p.number) AS columns
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class r ON r.oid = k.confrelid
WHERE k.contype = 'f' AND c.relnamespace = 'public'::regnamespace AND NOT c.relispartition AND k.conparentid = 0
ORDER BY c.relname, columns, r.relname
