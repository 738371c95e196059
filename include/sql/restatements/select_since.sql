-- Facts up to a session that came, or changed, after an instant. Parameters: last, cutoff (the earliest of the sessions').
-- Called by plugins.replay.replay.
SELECT symbol, date, fact, min(known_at) AS known_at FROM restatements
WHERE date <= %(last)s AND known_at > %(cutoff)s
GROUP BY symbol, date, fact ORDER BY date, symbol, fact
