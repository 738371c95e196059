-- Ex-dates that no longer are, of actions a decided session has used. Parameters: symbols, dates (arrays of one
-- length), batch_id. Called by storage.bars.
INSERT INTO restatements (batch_id, symbol, date, fact, known_at)
SELECT %(batch_id)s, m.symbol, m.ex_date, 'action moved', now()
FROM unnest(%(symbols)s::text[], %(dates)s::date[]) AS m (symbol, ex_date)
ON CONFLICT DO NOTHING
