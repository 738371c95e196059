-- The head of all chains at a position: a hash over each run's last link. Parameter: position (NULL: the newest).
-- Called by runtime.verify_audit.
WITH heads AS (
    SELECT DISTINCT ON (run_id) run_id, position, hash FROM audit_chain
    WHERE position <= coalesce(%(position)s::bigint, position)
    ORDER BY run_id, run_position DESC
)
SELECT coalesce(max(position), 0) AS position, count(*) AS runs,
       encode(sha256(coalesce(string_agg(hash, ''::bytea ORDER BY position), ''::bytea)), 'hex') AS hash
FROM heads
