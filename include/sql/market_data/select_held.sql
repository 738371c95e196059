-- Symbols with a bar, by date. Parameters: start, end. Called by plugins.stages.ingestion.
SELECT date, symbol FROM market_data WHERE date BETWEEN %(start)s AND %(end)s
