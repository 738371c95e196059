-- Exits that ended at a real broker without an execution. Parameters: account_id, session, rows (JSON).
-- Called by plugins.execution.cancelling, plugins.execution.legs.
UPDATE orders o SET state = r.state, reason = 'ended by the broker', ended_session = greatest(%(session)s, o.session_date),
    updated_at = clock_timestamp()
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (broker_order_id text, state text)
WHERE o.account_id = %(account_id)s AND o.broker_order_id = r.broker_order_id AND o.state = 'resting'
