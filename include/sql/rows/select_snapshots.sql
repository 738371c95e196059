-- An account at a session's close and at the close before. Parameters: account, session. Called by plugins.web.pages.behind.
SELECT session_date, cash_usd, securities_usd, equity_usd, gross_exposure_usd, net_exposure_usd, created_at
FROM account_snapshots WHERE account_id = %(account)s AND session_date <= %(session)s
ORDER BY session_date DESC LIMIT 2
