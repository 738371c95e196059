-- One row per session: the account's equity and its fall from the peak before. Called by plugins.web.pages.overview.
SELECT session_date, equity_usd::float8 AS equity,
       (equity_usd / max(equity_usd) OVER (ORDER BY session_date) - 1)::float8 AS drawdown
FROM account_snapshots ORDER BY session_date
