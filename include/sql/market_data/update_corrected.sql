-- Bars that staged ones correct: known from now on, and never before the version they replace, which a transaction that
-- began later may have written. Parameters: source, batch_id. Called by storage.bars.
UPDATE market_data m
SET open = s.open, high = s.high, low = s.low, close = s.close, volume = s.volume, source = %(source)s,
    batch_id = %(batch_id)s, version = m.version + 1, known_at = greatest(now(), m.known_at),
    recorded_at = now(), backfilled = false
FROM staged_bars s
WHERE (m.symbol, m.date) = (s.symbol, s.date)
  AND (m.open, m.high, m.low, m.close, m.volume) IS DISTINCT FROM (s.open, s.high, s.low, s.close, s.volume)
