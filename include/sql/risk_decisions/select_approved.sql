-- Changes approved at a session's close, and whether the broker refused them. Parameters: account_id, session.
-- Called by plugins.stages.account.
SELECT d.symbol, d.approved_quantity, o.state IS NOT DISTINCT FROM 'rejected' AS rejected
FROM risk_decisions d LEFT JOIN orders o ON o.risk_decision_id = d.id AND o.order_type = 'market'
WHERE d.account_id = %(account_id)s AND d.session_date = %(session)s AND d.approved_quantity <> 0
