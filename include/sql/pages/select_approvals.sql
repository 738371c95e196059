-- Approvals of an account, those that wait first. Parameters: account, count. Called by plugins.web.pages.risk.
SELECT id, session_date, orders, max_notional_usd, status, requested_at, expires_at, decided_by, nullif(reason, '') AS reason
FROM order_approvals WHERE account_id = %(account)s ORDER BY status <> 'requested', id DESC LIMIT %(count)s
