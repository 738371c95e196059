-- One row: an account's kill switch. Parameter: account. Called by plugins.web.pages.risk.
SELECT engaged, cause, nullif(reason, '') AS reason, session_date, changed_at FROM kill_switch WHERE account_id = %(account)s
