-- What became of orders that were out. Parameter: rows (JSON). Called by plugins.stages.account.
UPDATE orders o SET state = r.state, filled_quantity = r.filled, reason = r.reason, ended_session = r.ended,
    updated_at = clock_timestamp()
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (client_order_id text, state text, filled bigint, reason text, ended date)
WHERE o.client_order_id = r.client_order_id AND o.state IN ('planned', 'submitted', 'resting')
