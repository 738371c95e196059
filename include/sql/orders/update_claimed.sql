-- Claims one order for sending, once, unless its approval is gone, another run's, or asked for longer ago than these hours.
-- Parameters: client_order_id, from_state, run_id, hours. Called by plugins.execution.sending.
UPDATE orders o SET state = 'submitted', submitted_at = clock_timestamp(), updated_at = clock_timestamp(), reason = ''
WHERE o.client_order_id = %(client_order_id)s AND o.state = %(from_state)s
  AND EXISTS (SELECT FROM order_approvals p WHERE p.id = o.approval_id AND p.status = 'used' AND p.run_id = %(run_id)s
              AND p.requested_at > clock_timestamp() - make_interval(hours => %(hours)s))
