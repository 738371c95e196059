-- The books of an account in one session, transaction by transaction. Parameters: account, session.
-- Called by plugins.web.pages.behind.
SELECT id, kind, ledger_account, symbol, amount_usd, created_at FROM ledger_entries
WHERE account_id = %(account)s AND session_date = %(session)s ORDER BY id
