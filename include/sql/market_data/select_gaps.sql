-- One row per session that lacks the bar of a symbol that should have one, or for which no symbol should have any.
-- Parameters: sessions, rows (JSON: symbol, active_from, active_to). Called by plugins.stages.gate.
SELECT d.date AS session, count(u.symbol) AS expected,
       coalesce(array_agg(u.symbol ORDER BY u.symbol) FILTER (WHERE u.symbol IS NOT NULL AND m.symbol IS NULL),
                '{}') AS missing
FROM unnest(%(sessions)s::date[]) AS d (date)
LEFT JOIN jsonb_to_recordset(%(rows)s::jsonb) AS u (symbol text, active_from date, active_to date)
    ON d.date BETWEEN u.active_from AND coalesce(u.active_to, 'infinity')
LEFT JOIN market_data m ON (m.symbol, m.date) = (u.symbol, d.date)
GROUP BY d.date
HAVING count(u.symbol) = 0 OR count(m.symbol) < count(u.symbol)
ORDER BY d.date
