-- Fills of an order. Parameter: order_id. Called by plugins.web.lineage.
SELECT broker_fill_id, session_date, side, quantity, price, commission_usd, slippage_usd FROM fills
WHERE order_id = %(order_id)s ORDER BY id
