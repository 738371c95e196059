-- When the newest statement about members or tickers was made that came later than an instant, NULL for none.
-- Parameter: after. Called by plugins.stages.ingestion.
SELECT max(known_at) AS known_at
FROM (SELECT known_at FROM trading_universe UNION ALL SELECT known_at FROM trading_universe_history
      UNION ALL SELECT known_at FROM symbol_changes) k
WHERE known_at > %(after)s
