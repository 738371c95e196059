-- Deposits and withdrawals asked for at some sessions. Parameters: account_id, sessions. Called by plugins.stages.cash.
SELECT session_date, kind, amount_usd FROM cash_movements
WHERE account_id = %(account_id)s AND session_date = ANY(%(sessions)s)
ORDER BY session_date, kind, amount_usd
