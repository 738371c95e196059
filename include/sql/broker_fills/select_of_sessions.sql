-- Executions to be booked in some sessions, with their orders. Parameters: account_id, sessions.
-- Called by plugins.execution.booking.
SELECT f.broker_fill_id, f.client_order_id, f.session_date, f.symbol, f.side, f.quantity, f.price, f.commission_usd,
       o.session_date AS decided, o.order_type, o.time_in_force, o.quantity AS ordered, o.reference_price, o.stop_loss,
       o.take_profit, o.stop_price, o.limit_price, p.client_order_id AS parent
FROM broker_fills f JOIN orders o USING (client_order_id) LEFT JOIN orders p ON p.id = o.parent_order_id
WHERE f.account_id = %(account_id)s AND f.session_date = ANY(%(sessions)s)
ORDER BY f.session_date, f.executed_at, f.broker_fill_id
