-- Fills of an account from a session on, newest first, each against the prices it could have had.
-- Parameters: account; since, symbol, side, size (NULL for all); count. Called by plugins.web.pages.costs.
SELECT client_order_id, session_date, symbol, side, order_type, quantity, price, notional_usd, decision_close, session_open,
       average_price, average_kind, close_cost_usd, open_cost_usd, average_cost_usd, slippage_usd, commission_usd
FROM fill_costs
WHERE account_id = %(account)s AND (%(since)s::date IS NULL OR session_date >= %(since)s)
  AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s) AND (%(side)s::text IS NULL OR side = %(side)s)
  AND (%(size)s::text IS NULL OR size = %(size)s)
ORDER BY session_date DESC, symbol, id DESC LIMIT %(count)s
