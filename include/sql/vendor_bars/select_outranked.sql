-- Bars of which a vendor named earlier has spoken: the staged ones replace nothing. Parameter: source.
-- Called by storage.vendors.
SELECT symbol, date FROM spoken WHERE chosen_source <> %(source)s
