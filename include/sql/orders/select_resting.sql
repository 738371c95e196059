-- Exits that rested at a session's close. Parameters: account_id, session. Called by plugins.stages.account.
SELECT o.client_order_id, o.symbol, o.session_date, o.side, o.quantity, o.reference_price, o.order_type, o.time_in_force,
       p.client_order_id AS parent, o.stop_price, o.limit_price
FROM orders o JOIN orders p ON p.id = o.parent_order_id
WHERE o.account_id = %(account_id)s AND o.session_date <= %(session)s
  AND o.order_type <> 'market' AND coalesce(o.ended_session, 'infinity') > %(session)s
ORDER BY o.symbol, o.order_type
