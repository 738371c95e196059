-- What is out ends with its account. Parameters: account_id, reason, session (of the last mark). Called by runtime.account.
UPDATE orders SET state = CASE state WHEN 'submitted' THEN 'expired' ELSE 'cancelled' END, reason = %(reason)s,
    ended_session = CASE state WHEN 'resting' THEN %(session)s::date END, updated_at = clock_timestamp()
WHERE account_id = %(account_id)s AND state IN ('submitted', 'resting')
