-- Staged bars of which a vendor named earlier has spoken: they replace nothing. Parameter: source.
-- Called by storage.vendors.
DELETE FROM staged_bars s USING spoken p
WHERE (s.symbol, s.date) = (p.symbol, p.date) AND p.chosen_source <> %(source)s
