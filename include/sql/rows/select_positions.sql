-- What an account held at a session's close. Parameters: account, session. Called by plugins.web.pages.behind.
SELECT symbol, quantity, average_cost, price, price_date, market_value_usd, unrealized_pnl_usd, realized_pnl_usd
FROM positions WHERE account_id = %(account)s AND session_date = %(session)s ORDER BY symbol
