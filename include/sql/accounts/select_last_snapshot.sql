-- An account as last marked. Parameter: id. Called by runtime.account.
SELECT session_date, equity_usd FROM account_snapshots WHERE account_id = %(id)s ORDER BY session_date DESC LIMIT 1
