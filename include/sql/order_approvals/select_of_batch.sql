-- The approval asked for one batch of one run. Parameters: account_id, session, run_id, batch_hash.
-- Called by plugins.execution.approval.
SELECT id, status, orders, max_notional_usd, expires_at FROM order_approvals
WHERE account_id = %(account_id)s AND session_date = %(session)s AND run_id = %(run_id)s AND batch_hash = %(batch_hash)s
