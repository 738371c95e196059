-- Exits resting at a real broker for symbols that are about to be traded. Parameters: account_id, session.
-- Called by plugins.execution.cancelling.
SELECT e.broker_order_id, e.symbol FROM orders e
WHERE e.account_id = %(account_id)s AND e.state = 'resting' AND e.broker_order_id IS NOT NULL
  AND EXISTS (SELECT FROM orders o WHERE o.account_id = e.account_id AND o.symbol = e.symbol
              AND o.session_date = %(session)s AND o.order_type = 'market' AND o.state IN ('planned', 'unknown')
              AND o.reason <> 'dry_run')
