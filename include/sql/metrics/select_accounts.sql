-- One row per account still traded: its kill switch, its last booked close, what is out, and, of the last sessions
-- booked, the cost of its fills against the open and the share of orders the broker refused or has not answered for.
-- Parameter: sessions, how many are looked at. Called by plugins.web.api.metrics.
SELECT a.id AS account, coalesce(k.engaged, false)::int AS latched, s.equity_usd, r.drawdown, r.session_loss,
       out.open_orders, out.unknown_orders, f.slippage_bps, b.error_ratio
FROM accounts a
LEFT JOIN kill_switch k ON k.account_id = a.id
LEFT JOIN LATERAL (SELECT equity_usd FROM account_snapshots s WHERE s.account_id = a.id
                   ORDER BY s.session_date DESC LIMIT 1) s ON true
LEFT JOIN LATERAL (SELECT drawdown, session_loss FROM risk_snapshots r WHERE r.account_id = a.id
                   ORDER BY r.session_date DESC LIMIT 1) r ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS open_orders, count(*) FILTER (WHERE state = 'unknown') AS unknown_orders FROM orders o
    WHERE o.account_id = a.id AND o.state IN ('planned', 'submitted', 'unknown', 'accepted', 'partially_filled')
) out
CROSS JOIN LATERAL (SELECT coalesce(min(session_date), '-infinity') AS first FROM (
    SELECT session_date FROM account_snapshots s WHERE s.account_id = a.id
    ORDER BY s.session_date DESC LIMIT %(sessions)s) booked) since
CROSS JOIN LATERAL (
    SELECT 10000 * sum(slippage_usd) / sum(quantity * price) AS slippage_bps FROM fills f
    WHERE f.account_id = a.id AND f.session_date >= since.first
) f
CROSS JOIN LATERAL (
    SELECT avg((state IN ('rejected', 'unknown'))::int) AS error_ratio FROM orders o
    WHERE o.account_id = a.id AND o.session_date >= since.first
      AND o.state NOT IN ('planned', 'blocked', 'resting')
) b
WHERE a.closed_at IS NULL ORDER BY a.id
