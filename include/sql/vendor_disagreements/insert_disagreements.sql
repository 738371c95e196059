-- New words of a vendor that lie further from another vendor's newest one than the tolerance. Parameters: source,
-- batch_id, price_tolerance, volume_tolerance (fractions). Called by storage.vendors.
INSERT INTO vendor_disagreements (symbol, date, field, batch_id, source, value, other_source, other_value, difference,
                                  tolerance, chosen_source)
SELECT w.symbol, w.date, f.field, w.batch_id, w.source, f.value, o.source, f.other_value, d.difference, f.tolerance,
       p.chosen_source
FROM spoken p
JOIN vendor_bars w ON (w.symbol, w.date, w.source, w.batch_id) = (p.symbol, p.date, %(source)s, %(batch_id)s)
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (n.source) n.* FROM vendor_bars n
    WHERE (n.symbol, n.date) = (p.symbol, p.date) AND n.source <> w.source ORDER BY n.source, n.batch_id DESC) o
CROSS JOIN LATERAL (VALUES
    ('open', w.open, o.open, %(price_tolerance)s::double precision), ('high', w.high, o.high, %(price_tolerance)s),
    ('low', w.low, o.low, %(price_tolerance)s), ('close', w.close, o.close, %(price_tolerance)s),
    ('volume', w.volume::double precision, o.volume::double precision, %(volume_tolerance)s)
) AS f (field, value, other_value, tolerance)
CROSS JOIN LATERAL (
    SELECT coalesce(abs(f.value - f.other_value) / nullif((f.value + f.other_value) / 2, 0), 0) AS difference) d
WHERE d.difference > f.tolerance
ORDER BY w.date, w.symbol, f.field
