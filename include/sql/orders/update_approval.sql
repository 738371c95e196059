-- Orders of a session that go out under an approval: those planned that have none in use in its run.
-- Parameters: account_id, session, approval_id, run_id. Called by plugins.execution.approval.
UPDATE orders o SET approval_id = %(approval_id)s
WHERE o.account_id = %(account_id)s AND o.session_date = %(session)s AND o.order_type = 'market' AND o.state = 'planned'
  AND o.reason <> 'dry_run'
  AND NOT EXISTS (SELECT FROM order_approvals p WHERE p.id = o.approval_id AND p.status = 'used' AND p.run_id = %(run_id)s)
