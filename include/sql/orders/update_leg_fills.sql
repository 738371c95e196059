-- What was executed of exits that rest, or rested, at a real broker: they have filled once it is all of them.
-- Parameter: account_id. Called by plugins.execution.legs.
UPDATE orders o SET filled_quantity = f.filled, updated_at = clock_timestamp(),
    state = CASE WHEN f.filled = o.quantity THEN 'filled' ELSE o.state END,
    reason = CASE WHEN f.filled = o.quantity THEN '' ELSE o.reason END,
    ended_session = CASE WHEN f.filled = o.quantity THEN f.last ELSE o.ended_session END
FROM (SELECT client_order_id, sum(quantity)::bigint AS filled, max(session_date) AS last
      FROM broker_fills WHERE account_id = %(account_id)s GROUP BY client_order_id) f
WHERE o.client_order_id = f.client_order_id AND o.account_id = %(account_id)s AND o.order_type <> 'market'
  AND o.filled_quantity < f.filled
