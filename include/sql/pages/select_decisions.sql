-- Decisions of an account at a session, with the order each became. Parameters: account, session.
-- Called by plugins.rehearsal, plugins.web.pages.risk.
SELECT d.symbol, d.decision, d.requested_quantity, d.approved_quantity, nullif(d.reason, '') AS reason, o.client_order_id,
       o.state
FROM risk_decisions d LEFT JOIN orders o ON o.risk_decision_id = d.id AND o.order_type = 'market'
WHERE d.account_id = %(account)s AND d.session_date = %(session)s ORDER BY d.symbol
