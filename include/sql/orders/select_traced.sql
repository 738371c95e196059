-- An account's orders decided at a session. Parameters: account, session, count. Called by plugins.stages.tracing.
SELECT client_order_id, side, quantity, symbol, state FROM orders
WHERE account_id = %(account)s AND session_date = %(session)s ORDER BY id LIMIT %(count)s
