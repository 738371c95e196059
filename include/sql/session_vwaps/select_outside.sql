-- Averages of bars held, by the bar's vendor, that lie outside low and high by more than vendors round; without a trade there
-- is none. Parameters: start, end. Called by storage.vwaps.
SELECT m.symbol, m.date, v.vwap, m.low, m.high
FROM (
    SELECT DISTINCT ON (w.symbol, w.date, w.source) w.symbol, w.date, w.source, w.vwap
    FROM session_vwaps w WHERE w.date BETWEEN %(start)s::date AND %(end)s::date
    ORDER BY w.symbol, w.date, w.source, w.batch_id DESC
) v JOIN market_data m USING (symbol, date, source)
WHERE m.volume > 0 AND v.vwap NOT BETWEEN m.low - 0.0001 AND m.high + 0.0001
ORDER BY m.date, m.symbol
