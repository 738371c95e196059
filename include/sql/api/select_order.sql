-- One row: an order with its fills. Parameter: client_order_id. Called by plugins.web.api.trading.
SELECT o.client_order_id, o.account_id, o.session_date, o.symbol, o.side, o.quantity, o.order_type, o.time_in_force, o.state,
       o.filled_quantity, o.reference_price, o.stop_price, o.limit_price, o.reason, o.created_at, o.updated_at,
       d.decision, d.approved_quantity, d.reason AS decision_reason,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'broker_fill_id', f.broker_fill_id, 'session_date', f.session_date, 'quantity', f.quantity, 'price', f.price,
            'commission_usd', f.commission_usd, 'slippage_usd', f.slippage_usd) ORDER BY f.id), '[]')
        FROM fills f WHERE f.order_id = o.id) AS fills
FROM orders o JOIN risk_decisions d ON d.id = o.risk_decision_id WHERE o.client_order_id = %(client_order_id)s
