-- Labels staged by the caller; one that is there and the same is left alone. Parameters: price, horizon.
-- Called by storage.training.
INSERT INTO training_labels AS t (price, horizon, symbol, session_date, label, label_end)
SELECT %(price)s, %(horizon)s, symbol, session_date, label, label_end FROM staged_labels ORDER BY session_date, symbol
ON CONFLICT (price, horizon, symbol, session_date) DO UPDATE
SET label = excluded.label, label_end = excluded.label_end, recorded_at = clock_timestamp()
WHERE (t.label, t.label_end) IS DISTINCT FROM (excluded.label, excluded.label_end)
