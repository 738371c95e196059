-- Claims one order for sending, once, unless the kill switch is on or its approval is gone; both are read in the same
-- transaction. Parameters: client_order_id, from_state. Called by plugins.execution.sending.
UPDATE orders o SET state = 'submitted', submitted_at = clock_timestamp(), updated_at = clock_timestamp(), reason = ''
WHERE o.client_order_id = %(client_order_id)s AND o.state = %(from_state)s
  AND NOT EXISTS (SELECT FROM kill_switch k WHERE k.account_id = o.account_id AND k.engaged)
  AND EXISTS (SELECT FROM order_approvals p WHERE p.id = o.approval_id AND p.status = 'used')
