-- Cash at a session's close. Parameters: account_id, session. Called by plugins.stages.account.
SELECT cash_usd FROM account_snapshots WHERE account_id = %(account_id)s AND session_date = %(session)s
