-- Orders of a session that go out under an approval. Parameters: account_id, session, approval_id.
-- Called by plugins.execution.approval.
UPDATE orders SET approval_id = %(approval_id)s
WHERE account_id = %(account_id)s AND session_date = %(session)s AND order_type = 'market' AND state = 'planned'
  AND approval_id IS NULL AND reason <> 'dry_run'
