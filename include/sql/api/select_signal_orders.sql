-- Which signals of a run's sessions became which orders of an account. Parameters: run_id, account, count, skip.
-- Called by plugins.web.api.status.
SELECT s.session_date, s.symbol, m.model_name, s.side, s.score, o.client_order_id, o.quantity, o.state
FROM (SELECT DISTINCT session_date FROM stage_runs WHERE run_id = %(run_id)s AND model = '') r
JOIN signals s ON s.session_date = r.session_date JOIN models m ON m.id = s.model_id
LEFT JOIN orders o ON o.account_id = %(account)s AND o.session_date = s.session_date AND o.symbol = s.symbol
    AND o.order_type = 'market'
ORDER BY s.session_date DESC, s.symbol, m.model_name LIMIT %(count)s OFFSET %(skip)s
