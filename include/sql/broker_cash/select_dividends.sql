-- What the books have credited as dividends by ticker and session. Parameter: account_id.
-- Called by plugins.execution.real_session.
SELECT symbol, session_date, -sum(amount_usd) AS amount_usd FROM ledger_entries
WHERE account_id = %(account_id)s AND ledger_account = 'dividend' GROUP BY symbol, session_date
