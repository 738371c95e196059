-- Exits that rest at a real broker as children of their entry. Parameters: account_id, rows (JSON).
-- Called by plugins.execution.legs.
INSERT INTO orders (client_order_id, risk_decision_id, account_id, session_date, symbol, side, quantity, order_type,
                    time_in_force, reference_price, parent_order_id, stop_price, limit_price, begun, broker_order_id,
                    payload_hash, decision_hash)
SELECT r.client_order_id, r.risk_decision_id, %(account_id)s, r.session_date, r.symbol, r.side, r.quantity, r.order_type,
       'gtc', r.reference_price, r.parent_order_id, r.stop_price, r.limit_price, 'resting', r.broker_order_id,
       r.payload_hash, r.decision_hash
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (client_order_id text, risk_decision_id bigint, session_date date, symbol text,
    side text, quantity bigint, order_type text, reference_price numeric, parent_order_id bigint, stop_price numeric,
    limit_price numeric, broker_order_id text, payload_hash text, decision_hash text)
