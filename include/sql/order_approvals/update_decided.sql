-- Somebody's decision about an approval, or its use, which leaves the name of who decided; a row comes back when it counts.
-- Parameters: id, status, who, reason, from_states. Called by plugins.execution.approval.
UPDATE order_approvals SET status = %(status)s, reason = %(reason)s,
    decided_at = CASE %(status)s WHEN 'used' THEN decided_at ELSE clock_timestamp() END,
    decided_by = CASE %(status)s WHEN 'used' THEN decided_by ELSE %(who)s END
WHERE id = %(id)s AND status = ANY(%(from_states)s)
  AND (%(status)s NOT IN ('approved', 'used') OR expires_at > clock_timestamp())
RETURNING id, account_id, session_date, run_id
