-- A limit as it is and was, newest first. Parameter: limit. Called by plugins.web.pages.behind.
SELECT name, symbol, threshold, unit, valid_from, valid_to, changed_by, reason FROM (
    SELECT name, symbol, threshold, unit, valid_from, NULL::timestamptz AS valid_to, changed_by, reason FROM risk_limits
    UNION ALL
    SELECT name, symbol, threshold, unit, valid_from, valid_to, changed_by, reason FROM risk_limits_history
) l
WHERE name = %(limit)s ORDER BY valid_from DESC, symbol
