-- Approvals that wait for a decision, or may still be revoked. Parameter: statuses. Called by plugins.execution.command.
SELECT id, account_id, session_date, run_id, orders, max_notional_usd, status, expires_at FROM order_approvals
WHERE status = ANY(%(statuses)s) ORDER BY id
