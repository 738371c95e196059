-- One row: when the newest bar, action, member or ticker now held came to be known, and the newest date with a bar; NULL
-- without bars. What is stated ahead of its day is not known yet. Called by plugins.backtest.market.
SELECT max(known_at) AS known_at, max(date) AS date
FROM (
    SELECT max(known_at) AS known_at, max(date) AS date FROM market_data
    UNION ALL
    SELECT max(known_at), NULL FROM corporate_actions
    UNION ALL
    SELECT max(known_at), NULL FROM trading_universe WHERE known_at <= recorded_at
    UNION ALL
    SELECT max(known_at), NULL FROM symbol_changes WHERE known_at <= recorded_at
) f
