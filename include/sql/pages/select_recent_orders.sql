-- Orders of an account, newest first. Parameters: account; symbol, state (NULL for all); count, skip.
-- Called by plugins.web.pages.orders.
SELECT o.client_order_id, o.session_date, o.symbol, o.side, o.quantity, o.order_type, o.state, o.filled_quantity,
       o.reference_price, f.price, f.commission_usd, f.slippage_usd, o.is_synthetic
FROM (
    SELECT * FROM orders
    WHERE account_id = %(account)s AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s)
      AND (%(state)s::text IS NULL OR state = %(state)s)
    ORDER BY session_date DESC, symbol, id DESC LIMIT %(count)s OFFSET %(skip)s
) o LEFT JOIN LATERAL (
    SELECT sum(price * quantity) / sum(quantity) AS price, sum(commission_usd) AS commission_usd, sum(slippage_usd) AS slippage_usd
    FROM fills f WHERE f.order_id = o.id
) f ON true
ORDER BY o.session_date DESC, o.symbol, o.id DESC
