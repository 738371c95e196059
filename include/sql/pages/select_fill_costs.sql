-- Fills of an account from a session on, newest first, each against the prices it could have had.
-- Parameters: account; since, symbol (NULL for all); count. Called by plugins.web.pages.costs.
SELECT client_order_id, session_date, symbol, side, order_type, quantity, price, notional_usd, decision_close, session_open,
       typical_price, close_cost_usd, open_cost_usd, typical_cost_usd, slippage_usd, commission_usd
FROM fill_costs
WHERE account_id = %(account)s AND (%(since)s::date IS NULL OR session_date >= %(since)s)
  AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s)
ORDER BY session_date DESC, symbol, id DESC LIMIT %(count)s
