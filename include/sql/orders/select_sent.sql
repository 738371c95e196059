-- Market orders sent after a session's close. Parameters: account_id, session.
-- Called by plugins.stages.account, runtime.account.
SELECT client_order_id, symbol, session_date, side, quantity, reference_price, stop_loss, take_profit FROM orders
WHERE account_id = %(account_id)s AND session_date = %(session)s AND state NOT IN ('planned', 'cancelled') AND order_type = 'market'
ORDER BY symbol
