-- One row: how many staged bars are new, how many differ from the one held, and the first date for which a decided
-- session sees something else now. Parameter: decided (last session completed, or NULL). Called by storage.bars.
WITH changed AS (
    SELECT s.date, m.symbol IS NULL AS is_new,
           m.symbol IS NOT NULL OR (s.date <= %(decided)s::date
                                    AND EXISTS (SELECT FROM market_data h WHERE h.symbol = s.symbol)) AS restates
    FROM staged_bars s LEFT JOIN market_data m USING (symbol, date)
    WHERE m.symbol IS NULL
       OR (m.open, m.high, m.low, m.close, m.volume) IS DISTINCT FROM (s.open, s.high, s.low, s.close, s.volume)
)
SELECT count(*) FILTER (WHERE is_new) AS new, count(*) FILTER (WHERE NOT is_new) AS corrected,
       min(date) FILTER (WHERE restates) AS first_restated
FROM changed
