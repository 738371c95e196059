-- One row per account still traded and state: orders of its newest decided session, and older ones that are open.
-- Called by plugins.web.api.metrics.
SELECT a.id AS account, o.state, count(*) AS orders
FROM accounts a
CROSS JOIN LATERAL (SELECT coalesce(max(session_date), '-infinity') AS newest FROM risk_decisions d
                    WHERE d.account_id = a.id) last
CROSS JOIN LATERAL (
    SELECT state FROM orders WHERE account_id = a.id AND session_date >= last.newest
    UNION ALL
    SELECT state FROM orders WHERE account_id = a.id AND session_date < last.newest
    AND state IN ('planned', 'submitted', 'unknown', 'accepted', 'partially_filled')
) o
WHERE a.closed_at IS NULL GROUP BY a.id, o.state ORDER BY a.id, o.state
