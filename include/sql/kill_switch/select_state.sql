-- Cause and reason while latched, and the number of the last arming by hand. Parameter: account_id.
-- Called by storage.kill_switch.
SELECT CASE WHEN k.engaged THEN k.cause ELSE '' END AS cause,
       CASE WHEN k.engaged THEN coalesce(nullif(k.reason, ''), 'engaged') ELSE '' END AS reason,
       coalesce((SELECT max(e.id) FROM kill_switch_events e
                 WHERE e.account_id = k.account_id AND e.action = 'rearmed' AND NOT e.by_itself), 0) AS last_rearm
FROM kill_switch k WHERE k.account_id = %(account_id)s
