-- Orders of earlier sessions that were never sent. Parameters: account_id, session (of which
-- the orders go out next). Called by plugins.execution.truth.
UPDATE orders SET state = 'expired', reason = 'missed: its session went by before it was sent', updated_at = clock_timestamp()
WHERE account_id = %(account_id)s AND session_date < %(session)s AND state = 'planned' AND reason <> 'dry_run'
