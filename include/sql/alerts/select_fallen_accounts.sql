-- Accounts still traded whose fall below their peak is more than a part of what latches the kill switch, at a session's close.
-- Parameters: session, part. Called by plugins.stages.performance_alerts.
SELECT 'account_drawdown' AS kind, r.account_id AS subject, -r.drawdown AS value, NULL AS why,
       -l.threshold * %(part)s AS threshold, l.threshold AS latches
FROM risk_snapshots r JOIN accounts a ON a.id = r.account_id
JOIN risk_limits l ON l.name = 'max_drawdown' AND l.symbol = ''
WHERE r.session_date = %(session)s AND a.closed_at IS NULL AND l.threshold > 0 AND r.drawdown > l.threshold * %(part)s
ORDER BY r.account_id
