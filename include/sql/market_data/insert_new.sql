-- Bars not held yet; one that comes after its session was decided, of a symbol held before, is known from now on.
-- Parameters: source, batch_id, decided (last session completed, or NULL). Called by storage.bars.
WITH held AS MATERIALIZED (
    SELECT symbol FROM (SELECT DISTINCT symbol FROM staged_bars) s
    WHERE EXISTS (SELECT FROM market_data m WHERE m.symbol = s.symbol)
)
INSERT INTO market_data (symbol, date, open, high, low, close, volume, source, batch_id, known_at, backfilled)
SELECT s.symbol, s.date, s.open, s.high, s.low, s.close, s.volume, %(source)s, %(batch_id)s,
       CASE WHEN comes_late THEN now() ELSE s.known_at END, s.backfilled AND NOT comes_late
FROM staged_bars s LEFT JOIN held h USING (symbol),
     LATERAL (SELECT coalesce(h.symbol IS NOT NULL AND s.date <= %(decided)s::date, false) AS comes_late) l
WHERE NOT EXISTS (SELECT FROM market_data m WHERE (m.symbol, m.date) = (s.symbol, s.date))
ORDER BY s.date, s.symbol
