-- What decisions of a session met at the limits: all, those of a symbol, those of a limit.
-- Parameters: account, session; limit, symbol (NULL for all). Called by plugins.web.pages.behind.
SELECT d.symbol, c."limit", c.value, c.threshold, d.requested_quantity AS shares_asked, c.allowed_quantity AS shares_it_allows,
       d.approved_quantity AS shares_allowed, d.decision, nullif(c.reason, '') AS reason, o.client_order_id
FROM risk_decisions d
CROSS JOIN LATERAL jsonb_to_recordset(d.checks)
    AS c("limit" text, value float8, threshold float8, allowed_quantity bigint, reason text)
LEFT JOIN orders o ON o.risk_decision_id = d.id AND o.order_type = 'market'
WHERE d.account_id = %(account)s AND d.session_date = %(session)s
  AND (%(limit)s::text IS NULL OR c."limit" = %(limit)s) AND (%(symbol)s::text IS NULL OR d.symbol = %(symbol)s)
ORDER BY d.symbol, c."limit"
