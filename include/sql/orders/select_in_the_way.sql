-- Exits resting at a real broker for symbols that are about to be traded, where trades is true, or, where unfit is, that
-- split before the next open, for shares and price of such an exit are those of before, or are restricted.
-- Parameters: account_id, session, fills_on (the next session), trades, unfit. Called by plugins.execution.cancelling.
SELECT e.broker_order_id, e.symbol, e.filled_quantity FROM orders e
WHERE e.account_id = %(account_id)s AND e.state = 'resting' AND e.broker_order_id IS NOT NULL
  AND (%(trades)s AND EXISTS (
          SELECT FROM orders o WHERE o.account_id = e.account_id AND o.symbol = e.symbol
          AND o.session_date = %(session)s AND o.order_type = 'market' AND o.state IN ('planned', 'unknown')
          AND o.reason <> 'dry_run')
       OR %(unfit)s AND EXISTS (
          SELECT FROM corporate_actions a WHERE a.symbol = e.symbol AND a.action_type = 'split'
          AND a.ex_date > %(session)s::date AND a.ex_date <= %(fills_on)s::date)
       OR %(unfit)s AND EXISTS (
          SELECT FROM universe_as_of(%(session)s, 'infinity') u WHERE u.symbol = e.symbol AND u.restricted))
