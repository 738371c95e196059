-- One order's state. Parameter: client_order_id. Called by plugins.execution.sending.
SELECT state FROM orders WHERE client_order_id = %(client_order_id)s
