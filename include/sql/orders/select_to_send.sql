-- Market orders of a session that are still to be sent or nobody knows of, and whether this run has an approval in use for
-- them. Parameters: account_id, session, run_id.
-- Called by plugins.execution.approval, plugins.execution.sending.
SELECT o.client_order_id, o.symbol, o.session_date, o.side, o.quantity, o.reference_price, o.stop_loss, o.take_profit, o.state,
       o.payload_hash, EXISTS (
           SELECT FROM order_approvals p WHERE p.id = o.approval_id AND p.status = 'used' AND p.run_id = %(run_id)s) AS is_approved
FROM orders o
WHERE o.account_id = %(account_id)s AND o.session_date = %(session)s AND o.order_type = 'market'
  AND o.state IN ('planned', 'submitted', 'unknown') AND o.reason <> 'dry_run'
ORDER BY o.symbol
