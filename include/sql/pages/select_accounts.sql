-- One row per account with its kill switch: the one traded first, then the others, last booked first.
-- Called by plugins.web.around.
SELECT a.id, a.broker, a.created_at, a.closed_at, a.closed_reason, last.session_date AS last_session,
       coalesce(k.engaged, false) AS latched, coalesce(k.reason, '') AS latched_reason
FROM accounts a
LEFT JOIN kill_switch k ON k.account_id = a.id
LEFT JOIN LATERAL (
    SELECT s.session_date FROM account_snapshots s WHERE s.account_id = a.id ORDER BY s.session_date DESC LIMIT 1
) last ON true
ORDER BY a.closed_at IS NOT NULL, last.session_date DESC NULLS LAST, a.created_at DESC
