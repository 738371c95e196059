-- The versions that staged bars replace, believed until update_corrected makes the new ones known. Parameter: batch_id.
-- Called by storage.bars.
INSERT INTO market_data_history
SELECT m.*, greatest(now(), m.known_at), %(batch_id)s
FROM staged_bars s JOIN market_data m USING (symbol, date)
WHERE (m.open, m.high, m.low, m.close, m.volume) IS DISTINCT FROM (s.open, s.high, s.low, s.close, s.volume)
