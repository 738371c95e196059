-- The session of an account's first booking. Parameter: id. Called by plugins.stages.risk.
SELECT min(session_date) AS session_date FROM ledger_entries WHERE account_id = %(id)s
