-- What is out ends with its account. Parameters: account_id, reason, session (of the last mark).
-- Called by plugins.execution.opening, runtime.account.
UPDATE orders SET state = CASE state WHEN 'resting' THEN 'cancelled' ELSE 'expired' END, reason = %(reason)s,
    ended_session = CASE state WHEN 'resting' THEN %(session)s::date END, updated_at = clock_timestamp()
WHERE account_id = %(account_id)s AND (state IN ('submitted', 'unknown', 'accepted', 'partially_filled', 'resting')
                                       OR state = 'planned' AND reason <> 'dry_run')
