-- Market orders out at a real broker, or that nobody knows of, and those named. Parameters: account_id, names.
-- Called by plugins.execution.cancelling, plugins.execution.truth.
SELECT client_order_id, symbol, session_date, side, quantity, reference_price, stop_loss, take_profit, state, payload_hash,
       broker_order_id
FROM orders
WHERE account_id = %(account_id)s AND order_type = 'market'
  AND (state IN ('submitted', 'unknown', 'accepted', 'partially_filled') OR client_order_id = ANY(%(names)s))
ORDER BY session_date, symbol
