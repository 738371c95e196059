-- Executions as the broker tells them, once each. Parameters: account_id, rows (JSON). Called by plugins.execution.truth.
INSERT INTO broker_fills (account_id, broker_fill_id, broker_order_id, client_order_id, session_date, symbol, side, quantity,
                          cumulative_quantity, price, commission_usd, executed_at)
SELECT %(account_id)s, r.broker_fill_id, r.broker_order_id, r.client_order_id, r.session_date, r.symbol, r.side, r.quantity,
       r.cumulative, r.price, r.commission_usd, r.executed_at
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (broker_fill_id text, broker_order_id text, client_order_id text,
    session_date date, symbol text, side text, quantity bigint, cumulative bigint, price numeric, commission_usd numeric,
    executed_at timestamptz)
ON CONFLICT (account_id, broker_fill_id) DO NOTHING
