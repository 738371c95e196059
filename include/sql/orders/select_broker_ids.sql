-- Every order a real broker has, with what its legs need. Parameter: account_id. Called by plugins.execution.legs, plugins.execution.truth.
SELECT client_order_id, broker_order_id, id, risk_decision_id, decision_hash, order_type, state, filled_quantity
FROM orders
WHERE account_id = %(account_id)s AND broker_order_id IS NOT NULL
