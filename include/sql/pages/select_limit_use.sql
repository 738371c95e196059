-- One row per limit: its threshold, and the most that a decision of a session used of it (of a least confidence the
-- least). A symbol with a threshold of its own counts there and not with the others. Parameters: account, session.
-- Called by plugins.web.pages.risk.
WITH checked AS (
    SELECT c."limit", c.value, c.threshold, d.symbol, coalesce(o.symbol, '') AS owner,
           c.allowed_quantity <> d.requested_quantity AS bound,
           row_number() OVER (PARTITION BY c."limit", o.symbol
               ORDER BY CASE WHEN c."limit" LIKE 'min%%' THEN -c.value ELSE c.value END DESC NULLS LAST, d.symbol) AS place
    FROM risk_decisions d
    CROSS JOIN LATERAL jsonb_to_recordset(d.checks)
        AS c("limit" text, value float8, threshold float8, allowed_quantity bigint)
    LEFT JOIN risk_limits o ON o.name = c."limit" AND o.symbol = d.symbol
    WHERE d.account_id = %(account)s AND d.session_date = %(session)s
)
SELECT l.name AS "limit", trim(l.name || ' ' || l.symbol) AS name, l.threshold, l.unit, l.description, u.value, u.symbol,
       CASE WHEN u.threshold > 0 AND l.name NOT LIKE 'min%%' THEN u.value / u.threshold END AS used,
       (SELECT count(*) FROM checked c WHERE c."limit" = l.name AND c.owner = l.symbol AND c.bound) AS bound
FROM risk_limits l LEFT JOIN checked u ON u."limit" = l.name AND u.owner = l.symbol AND u.place = 1
ORDER BY l.name, l.symbol
