-- One row: an account's last session with a fill. Parameter: account. Called by plugins.web.pages.costs.
SELECT max(session_date) AS session_date FROM fills WHERE account_id = %(account)s
