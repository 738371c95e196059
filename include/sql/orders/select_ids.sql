-- Ids, decisions and their hashes of orders by their own name. Parameters: account_id, names. Called by plugins.stages.account.
SELECT client_order_id, id, risk_decision_id, decision_hash FROM orders
WHERE account_id = %(account_id)s AND client_order_id = ANY(%(names)s)
