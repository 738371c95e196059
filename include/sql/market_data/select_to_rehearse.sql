-- Bars as traded, with the actions of their day, as SOURCE=files takes them. Parameters: symbols, start, end.
-- Called by plugins.rehearsal.
SELECT m.symbol, m.date, m.open, m.high, m.low, m.close, m.volume,
       coalesce(d.value, 0)::double precision AS dividend, coalesce(s.value, 1)::double precision AS split_ratio,
       u.name, u.sector
FROM market_data m
JOIN LATERAL (
    SELECT name, sector FROM trading_universe u WHERE u.symbol = m.symbol ORDER BY active_from DESC LIMIT 1
) u ON true
LEFT JOIN corporate_actions d ON d.symbol = m.symbol AND d.ex_date = m.date AND d.action_type = 'dividend'
LEFT JOIN corporate_actions s ON s.symbol = m.symbol AND s.ex_date = m.date AND s.action_type = 'split'
WHERE m.symbol = ANY(%(symbols)s) AND m.date BETWEEN %(start)s AND %(end)s
ORDER BY m.symbol, m.date
