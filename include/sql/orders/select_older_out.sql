-- Symbols of which a market order of an earlier session is still out at a real broker, or nobody knows of it.
-- Parameters: account_id, session. Called by plugins.execution.sending.
SELECT symbol, max(session_date) AS session_date FROM orders
WHERE account_id = %(account_id)s AND session_date < %(session)s AND order_type = 'market'
  AND state IN ('submitted', 'unknown', 'accepted', 'partially_filled')
GROUP BY symbol
