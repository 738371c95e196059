-- Every table of ours. Called by storage.backup, storage.hashes.
SELECT tablename AS name FROM pg_tables
WHERE schemaname = 'public' AND NOT starts_with(tablename, '_yoyo') AND NOT starts_with(tablename, 'yoyo')
ORDER BY tablename
