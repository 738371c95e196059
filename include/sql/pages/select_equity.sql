-- One row per session: an account's equity and its fall from the peak before. Parameter: account.
-- Called by plugins.web.pages.overview.
SELECT session_date, equity_usd::float8 AS equity,
       (equity_usd / max(equity_usd) OVER (ORDER BY session_date) - 1)::float8 AS drawdown
FROM account_snapshots WHERE account_id = %(account)s ORDER BY session_date
