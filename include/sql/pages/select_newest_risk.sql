-- One row: what the check of an account found at a session, the newest one when NULL. Parameters: account, session.
-- Called by plugins.web.pages.risk.
SELECT session_date, unit_value, peak, equity_usd, session_loss, drawdown, cause, reason, latched_sessions, kill_switch
FROM risk_snapshots WHERE account_id = %(account)s AND (%(session)s::date IS NULL OR session_date <= %(session)s)
ORDER BY session_date DESC LIMIT 1
