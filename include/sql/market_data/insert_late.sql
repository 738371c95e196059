-- Staged bars that are not held: they came after their session was decided, and are known from now on.
-- Parameters: source, batch_id. Called by storage.bars.
INSERT INTO market_data (symbol, date, open, high, low, close, volume, source, batch_id, known_at, backfilled)
SELECT s.symbol, s.date, s.open, s.high, s.low, s.close, s.volume, %(source)s, %(batch_id)s, now(), false
FROM staged_bars s
WHERE NOT EXISTS (SELECT FROM market_data m WHERE (m.symbol, m.date) = (s.symbol, s.date))
ORDER BY s.symbol, s.date
