-- Orders of an account decided at a session's close or placed at its open. Parameters: account, session.
-- Called by plugins.rehearsal, plugins.web.pages.overview.
SELECT o.client_order_id, o.symbol, o.side, o.quantity, o.order_type, o.state, o.filled_quantity, o.reference_price, o.reason
FROM orders o WHERE o.account_id = %(account)s AND o.session_date = %(session)s ORDER BY o.symbol, o.order_type
