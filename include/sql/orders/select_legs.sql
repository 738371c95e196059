-- Exits that rest at a real broker by its ids, with their entries. Parameter: account_id. Called by plugins.execution.legs.
SELECT e.broker_order_id, p.client_order_id AS parent FROM orders e JOIN orders p ON p.id = e.parent_order_id
WHERE e.account_id = %(account_id)s AND e.state = 'resting' AND e.broker_order_id IS NOT NULL
