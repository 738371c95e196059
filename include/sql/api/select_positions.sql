-- Holdings of an account at a session's close, its newest booked one when NULL. Parameters: account, session.
-- Called by plugins.rehearsal, plugins.web.api.trading.
SELECT account_id, session_date, symbol, quantity, average_cost, price, price_date, market_value_usd, unrealized_pnl_usd,
       realized_pnl_usd
FROM positions
WHERE account_id = %(account)s AND quantity <> 0 AND session_date = coalesce(
    %(session)s::date, (SELECT max(session_date) FROM account_snapshots WHERE account_id = %(account)s))
ORDER BY symbol
