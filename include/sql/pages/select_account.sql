-- One row: the account at a session's close and the session before. Parameter: session.
-- Called by plugins.web.pages.overview.
SELECT s.*, lag(s.equity_usd) OVER (ORDER BY s.session_date) AS equity_before
FROM account_snapshots s WHERE s.session_date <= %(session)s
ORDER BY s.session_date DESC LIMIT 1
