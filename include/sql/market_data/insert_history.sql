-- The versions that staged bars replace. Parameter: batch_id. Called by storage.bars.
INSERT INTO market_data_history
SELECT m.*, now(), %(batch_id)s
FROM staged_bars s JOIN market_data m USING (symbol, date)
WHERE (m.open, m.high, m.low, m.close, m.volume) IS DISTINCT FROM (s.open, s.high, s.low, s.close, s.volume)
