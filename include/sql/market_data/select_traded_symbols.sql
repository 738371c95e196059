-- Symbols with a bar on a session, as known at a cutoff. Parameters: session, cutoff. Called by plugins.stages.drift.
SELECT symbol FROM market_data WHERE date = %(session)s::date AND known_at <= %(cutoff)s::timestamptz
UNION
SELECT symbol FROM market_data_history
WHERE date = %(session)s::date AND known_at <= %(cutoff)s::timestamptz AND superseded_at > %(cutoff)s::timestamptz
ORDER BY symbol
