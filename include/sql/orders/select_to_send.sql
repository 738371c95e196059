-- Market orders of a session that are still to be sent or nobody knows of. Parameters: account_id, session.
-- Called by plugins.execution.approval, plugins.execution.sending.
SELECT client_order_id, symbol, session_date, side, quantity, reference_price, stop_loss, take_profit, state, payload_hash,
       approval_id
FROM orders
WHERE account_id = %(account_id)s AND session_date = %(session)s AND order_type = 'market'
  AND state IN ('planned', 'submitted', 'unknown') AND reason <> 'dry_run'
ORDER BY symbol
