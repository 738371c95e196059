-- Orders of a session that were never sent, and will not be. Parameters: account_id, session, reason, from_states.
-- Called by plugins.execution.approval.
UPDATE orders SET state = 'blocked', reason = %(reason)s, updated_at = clock_timestamp()
WHERE account_id = %(account_id)s AND session_date = %(session)s AND order_type = 'market'
  AND state = ANY(%(from_states)s) AND reason <> 'dry_run'
RETURNING client_order_id, symbol
