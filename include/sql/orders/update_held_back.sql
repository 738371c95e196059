-- Blocks one order, unless it has moved on meanwhile. Parameters: client_order_id, from_state, reason.
-- Called by plugins.execution.sending.
UPDATE orders SET state = 'blocked', reason = %(reason)s, updated_at = clock_timestamp()
WHERE client_order_id = %(client_order_id)s AND state = %(from_state)s
