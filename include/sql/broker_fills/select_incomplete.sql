-- Orders whose executions do not add up to what the broker says was executed by then. Parameter: account_id.
-- Called by plugins.execution.truth.
SELECT o.client_order_id, o.symbol, o.filled_quantity, coalesce(sum(f.quantity), 0)::bigint AS told
FROM orders o LEFT JOIN broker_fills f ON f.client_order_id = o.client_order_id
WHERE o.account_id = %(account_id)s AND o.order_type = 'market' AND o.broker_order_id IS NOT NULL
GROUP BY o.client_order_id, o.symbol, o.filled_quantity
HAVING coalesce(sum(f.quantity), 0) <> o.filled_quantity
    OR coalesce(sum(f.quantity), 0) <> coalesce(max(f.cumulative_quantity), 0)
ORDER BY o.symbol
