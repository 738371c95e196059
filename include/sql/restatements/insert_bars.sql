-- Bars of a batch that change what a decided session sees. Parameters: batch_id, decided. Called by storage.bars.
INSERT INTO restatements (batch_id, symbol, date, fact, known_at)
SELECT %(batch_id)s, s.symbol, s.date, CASE WHEN m.symbol IS NULL THEN 'bar late' ELSE 'bar corrected' END, now()
FROM staged_bars s LEFT JOIN market_data m USING (symbol, date)
WHERE s.date <= %(decided)s::date
  AND CASE WHEN m.symbol IS NULL THEN EXISTS (SELECT FROM market_data h WHERE h.symbol = s.symbol)
      ELSE (m.open, m.high, m.low, m.close, m.volume) IS DISTINCT FROM (s.open, s.high, s.low, s.close, s.volume) END
