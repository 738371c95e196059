-- One row: when the newest bar or action now held came to be known, and the newest date with a bar; NULL without bars.
-- Called by plugins.backtest.market.
SELECT max(known_at) AS known_at, max(date) AS date
FROM (
    SELECT max(known_at) AS known_at, max(date) AS date FROM market_data
    UNION ALL
    SELECT max(known_at), NULL FROM corporate_actions
) f
