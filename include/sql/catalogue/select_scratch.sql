-- Schemas that replays have made. Parameter: prefix. Called by storage.scratch.
SELECT nspname::text AS name FROM pg_namespace
WHERE starts_with(nspname, %(prefix)s) AND pg_has_role(nspowner, 'USAGE') ORDER BY nspname
