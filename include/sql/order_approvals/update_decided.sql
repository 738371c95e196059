-- Somebody's decision about an approval; a row comes back when it counts. Parameters: id, status, who, reason, from_states.
-- Called by plugins.execution.approval.
UPDATE order_approvals SET status = %(status)s, decided_at = clock_timestamp(), decided_by = %(who)s, reason = %(reason)s
WHERE id = %(id)s AND status = ANY(%(from_states)s)
  AND (%(status)s NOT IN ('approved', 'used') OR expires_at > clock_timestamp())
RETURNING id, account_id, session_date, run_id
