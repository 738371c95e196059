-- Whether anything was ever asked or received of a symbol. Parameter: symbol. Called by quality.decisions.
SELECT EXISTS (SELECT FROM trading_universe WHERE symbol = %(symbol)s)
    OR EXISTS (SELECT FROM ingestion_batches WHERE %(symbol)s = ANY(symbols))
    OR EXISTS (SELECT FROM quarantine WHERE symbol = %(symbol)s) AS known
