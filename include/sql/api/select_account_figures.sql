-- One row per account still traded: its kill switch, equity at its last booked close, and orders that are open.
-- Called by plugins.web.api.metrics.
SELECT a.id, coalesce(k.engaged, false) AS latched, s.equity_usd,
       (SELECT count(*) FROM orders o WHERE o.account_id = a.id
        AND o.state IN ('planned', 'submitted', 'unknown', 'accepted', 'partially_filled')) AS open_orders
FROM accounts a
LEFT JOIN kill_switch k ON k.account_id = a.id
LEFT JOIN LATERAL (
    SELECT equity_usd FROM account_snapshots s WHERE s.account_id = a.id ORDER BY s.session_date DESC LIMIT 1
) s ON true
WHERE a.closed_at IS NULL ORDER BY a.id
