-- One row: an order with the decision and target it came from; an exit has its entry's. Parameter: client_order_id.
-- Called by plugins.web.lineage.
SELECT o.*, d.session_date AS decided_session, d.decision, d.requested_quantity, d.approved_quantity,
       d.reason AS decision_reason, d.checks, t.score AS target_score, t.target_weight, t.target_quantity, t.current_quantity,
       p.client_order_id AS parent
FROM orders o JOIN risk_decisions d ON d.id = o.risk_decision_id
JOIN target_positions t ON (t.account_id, t.session_date, t.symbol) = (d.account_id, d.session_date, d.symbol)
LEFT JOIN orders p ON p.id = o.parent_order_id
WHERE o.client_order_id = %(client_order_id)s
