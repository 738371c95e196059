-- A row when a symbol has any bar. Parameter: symbol. Called by plugins.stages.benchmark.
SELECT 1 AS held FROM market_data WHERE symbol = %(symbol)s LIMIT 1
