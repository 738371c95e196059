-- Latchings and armings of an account's kill switch, newest first. Parameters: account, count.
-- Called by plugins.web.pages.risk.
SELECT action, cause, CASE WHEN by_itself THEN 'itself' ELSE 'a person' END AS by_whom, reason, session_date, happened_at
FROM kill_switch_events WHERE account_id = %(account)s ORDER BY id DESC LIMIT %(count)s
