-- What is held at a session's close, signed USD. Parameters: account_id, session. Called by runtime.account.
SELECT symbol, market_value_usd FROM positions
WHERE account_id = %(account_id)s AND session_date = %(session)s AND quantity <> 0
