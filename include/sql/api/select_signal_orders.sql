-- Which signals of a run's sessions became which orders of an account. Parameters: run_id, account, count.
-- Called by plugins.web.api.status.
SELECT s.session_date, s.symbol, m.model_name, s.side, s.score, o.client_order_id, o.quantity, o.state
FROM stage_runs r JOIN signals s ON s.session_date = r.session_date JOIN models m ON m.id = s.model_id
LEFT JOIN orders o ON o.account_id = %(account)s AND o.session_date = s.session_date AND o.symbol = s.symbol
    AND o.order_type = 'market'
WHERE r.run_id = %(run_id)s AND r.model = '' ORDER BY s.session_date DESC, s.symbol, m.model_name LIMIT %(count)s
