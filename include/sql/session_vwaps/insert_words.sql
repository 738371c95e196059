-- Staged averages that are not their vendor's newest word, each as known as its bar when it came with it, else from now on.
-- Parameters: source, batch_id. Called by storage.vwaps.
INSERT INTO session_vwaps (symbol, date, source, batch_id, vwap, known_at)
SELECT s.symbol, s.date, %(source)s, %(batch_id)s, s.vwap,
       CASE WHEN m.batch_id = %(batch_id)s THEN m.known_at ELSE greatest(now(), m.known_at) END
FROM staged_vwaps s JOIN market_data m USING (symbol, date)
WHERE s.vwap IS DISTINCT FROM (
    SELECT v.vwap FROM session_vwaps v WHERE (v.symbol, v.date, v.source) = (s.symbol, s.date, %(source)s)
    ORDER BY v.batch_id DESC LIMIT 1)
