-- One row per table, largest first: bytes with indexes, live and dead rows, and whether the dead ones are more than twice
-- what autovacuum waits for. Called by plugins.upkeep.
SELECT relname AS table_name, pg_total_relation_size(relid) AS bytes, n_live_tup AS live_rows, n_dead_tup AS dead_rows,
       n_dead_tup > 2 * (current_setting('autovacuum_vacuum_threshold')::bigint
                         + current_setting('autovacuum_vacuum_scale_factor')::double precision * n_live_tup) AS overdue
FROM pg_stat_user_tables
WHERE schemaname = 'public'
ORDER BY bytes DESC, relname
