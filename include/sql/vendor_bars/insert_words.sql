-- What the vendors said: the bar held until then, once, and the one received, where it is not that vendor's newest word.
-- Parameters: source, batch_id. Called by storage.vendors.
INSERT INTO vendor_bars (symbol, date, source, batch_id, open, high, low, close, volume)
SELECT symbol, date, held_source, held_batch_id, held_open, held_high, held_low, held_close, held_volume
FROM spoken p
WHERE NOT EXISTS (SELECT FROM vendor_bars v WHERE (v.symbol, v.date, v.source) = (p.symbol, p.date, p.held_source))
UNION ALL
SELECT symbol, date, %(source)s, %(batch_id)s, open, high, low, close, volume
FROM spoken p
WHERE (p.open, p.high, p.low, p.close, p.volume) IS DISTINCT FROM (
    SELECT (v.open, v.high, v.low, v.close, v.volume) FROM (
        SELECT n.open, n.high, n.low, n.close, n.volume, n.batch_id FROM vendor_bars n
        WHERE (n.symbol, n.date, n.source) = (p.symbol, p.date, %(source)s)
        UNION ALL SELECT held_open, held_high, held_low, held_close, held_volume, held_batch_id
        WHERE p.held_source = %(source)s
        ORDER BY batch_id DESC LIMIT 1) v)
