-- One row: how many staged bars are new, how many differ from the one held, and the first date that does.
-- Called by storage.bars.
SELECT count(*) FILTER (WHERE m.symbol IS NULL) AS new,
       count(*) FILTER (WHERE m.symbol IS NOT NULL) AS corrected,
       min(s.date) FILTER (WHERE m.symbol IS NOT NULL) AS first_corrected
FROM staged_bars s LEFT JOIN market_data m USING (symbol, date)
WHERE m.symbol IS NULL
   OR (m.open, m.high, m.low, m.close, m.volume) IS DISTINCT FROM (s.open, s.high, s.low, s.close, s.volume)
