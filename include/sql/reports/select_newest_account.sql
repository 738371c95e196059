-- The account in use: that of the newest snapshot. Called by plugins.reports.account_sheet.
SELECT account_id FROM account_snapshots ORDER BY session_date DESC, account_id DESC LIMIT 1
