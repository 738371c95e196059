-- Claims one order for sending, once, unless its approval is gone. Parameters: client_order_id, from_state. Called by plugins.execution.sending.
UPDATE orders o SET state = 'submitted', submitted_at = clock_timestamp(), updated_at = clock_timestamp(), reason = ''
WHERE o.client_order_id = %(client_order_id)s AND o.state = %(from_state)s
  AND EXISTS (SELECT FROM order_approvals p WHERE p.id = o.approval_id AND p.status = 'used')
