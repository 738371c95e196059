-- One row per break of the chain: what it is, and where. Parameter: most (rows to return). Called by runtime.verify_audit.
WITH links AS (
    SELECT *, 1 + coalesce(lag(position) OVER all_runs, 0) AS due,
           1 + coalesce(lag(run_position) OVER own_run, 0) AS run_due,
           coalesce(lag(hash) OVER own_run, lag(hash) OVER all_runs, ''::bytea) AS before
    FROM audit_chain
    WINDOW all_runs AS (ORDER BY position), own_run AS (PARTITION BY run_id ORDER BY run_position)
), found AS (
    SELECT c.position, coalesce(c.run_id, e.run_id) AS run_id, coalesce(c.event_id, e.event_id) AS event_id,
           e.idempotency_key, CASE
               WHEN c.position IS NULL THEN 'inserted'
               WHEN e.event_id IS NULL THEN 'removed'
               WHEN e.event_hash <> c.event_hash OR e.run_id <> c.run_id THEN 'changed'
               WHEN c.position <> c.due OR c.run_position <> c.run_due THEN 'link missing before'
               WHEN c.hash <> sha256(c.before || c.event_hash) THEN 'link changed or moved'
           END AS break
    FROM links c FULL JOIN audit_event_hashes e USING (event_id)
)
SELECT position, run_id, event_id, idempotency_key, break FROM found WHERE break IS NOT NULL
ORDER BY position, idempotency_key LIMIT %(most)s
