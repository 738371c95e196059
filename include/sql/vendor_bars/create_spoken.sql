-- Staged bars of which another vendor has spoken too, with the one held and the vendor to believe; gone with the
-- transaction. Parameters: source, vendors (SOURCES, in order). Called by storage.vendors.
CREATE TEMP TABLE spoken ON COMMIT DROP AS
SELECT s.symbol, s.date, s.open, s.high, s.low, s.close, s.volume, m.source AS held_source, m.batch_id AS held_batch_id,
       m.open AS held_open, m.high AS held_high, m.low AS held_low, m.close AS held_close, m.volume AS held_volume,
       best.source AS chosen_source
FROM staged_bars s JOIN market_data m USING (symbol, date)
CROSS JOIN LATERAL (
    SELECT x.source
    FROM (SELECT %(source)s::text UNION SELECT m.source
          UNION SELECT v.source FROM vendor_bars v WHERE (v.symbol, v.date) = (m.symbol, m.date)) AS x (source)
    ORDER BY array_position(%(vendors)s::text[], x.source) NULLS LAST, x.source LIMIT 1) best
WHERE m.source <> %(source)s::text OR EXISTS (SELECT FROM vendor_bars v WHERE (v.symbol, v.date) = (m.symbol, m.date))
