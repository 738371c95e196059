-- One row per symbol: sector, last session of membership (NULL while active) and source, as last stated.
-- Called by plugins.backtest.market.
SELECT DISTINCT ON (symbol) symbol, sector, active_to, source
FROM trading_universe
ORDER BY symbol, active_from DESC
