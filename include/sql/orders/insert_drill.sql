-- One share wanted, approved and ordered in an account that a drill rolls back. Parameters: account_id, session,
-- client_order_id, payload_hash. Called by plugins.stages.drill.
WITH target AS (
    INSERT INTO target_positions (account_id, session_date, symbol, score, target_weight, target_quantity, current_quantity,
                                  reference_price)
    VALUES (%(account_id)s, %(session)s, 'DRILL', 1, 0.01, 1, 0, 1)
), decision AS (
    INSERT INTO risk_decisions (account_id, session_date, symbol, decision, requested_quantity, approved_quantity, reason, checks)
    VALUES (%(account_id)s, %(session)s, 'DRILL', 'approved', 1, 1, '', '[]') RETURNING id, decision_hash
)
INSERT INTO orders (client_order_id, risk_decision_id, decision_hash, payload_hash, account_id, session_date, symbol, side, quantity,
                    reference_price)
SELECT %(client_order_id)s, id, decision_hash, %(payload_hash)s, %(account_id)s, %(session)s, 'DRILL', 'buy', 1, 1 FROM decision
