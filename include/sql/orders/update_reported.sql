-- What the broker says of one order, or that nobody knows. Parameters: client_order_id, state, filled, reason,
-- broker_order_id. Called by plugins.execution.sending, plugins.execution.truth.
UPDATE orders o SET state = %(state)s, filled_quantity = greatest(o.filled_quantity, %(filled)s::bigint),
    reason = %(reason)s, broker_order_id = coalesce(o.broker_order_id, %(broker_order_id)s), updated_at = clock_timestamp()
WHERE o.client_order_id = %(client_order_id)s
  AND (o.state, o.filled_quantity) IS DISTINCT FROM (%(state)s, %(filled)s::bigint)
