-- Holdings at a session's close, the newest booked one when NULL. Parameter: session. Called by plugins.web.api.trading.
SELECT account_id, session_date, symbol, quantity, average_cost, price, price_date, market_value_usd, unrealized_pnl_usd,
       realized_pnl_usd
FROM positions
WHERE session_date = coalesce(%(session)s::date, (SELECT max(session_date) FROM account_snapshots)) AND quantity <> 0
ORDER BY account_id, symbol
