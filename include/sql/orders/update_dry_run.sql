-- Orders of a session that wait to be sent stay planned for good: a dry run. Parameters: account_id, session.
-- Called by plugins.execution.real_session.
UPDATE orders SET reason = 'dry_run', updated_at = clock_timestamp()
WHERE account_id = %(account_id)s AND session_date = %(session)s AND order_type = 'market' AND state = 'planned'
  AND reason <> 'dry_run'
