-- Money that moved at the broker without a fill, once each. Parameters: account_id, session, rows (JSON).
-- Called by plugins.execution.real_session.
INSERT INTO broker_cash (account_id, activity_id, session_date, kind, symbol, amount_usd)
SELECT %(account_id)s, r.activity_id, %(session)s, r.kind, r.symbol, r.amount_usd
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (activity_id text, kind text, symbol text, amount_usd numeric)
ON CONFLICT (account_id, activity_id) DO NOTHING
