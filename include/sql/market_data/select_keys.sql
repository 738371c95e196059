-- Bars of a source held within a window, without the symbols not asked for. Parameters: source, start, end, symbols (empty
-- for all). Called by plugins.stages.vanished.
SELECT symbol, date FROM market_data
WHERE source = %(source)s AND date BETWEEN %(start)s::date AND %(end)s::date
  AND (cardinality(%(symbols)s::text[]) = 0 OR symbol = ANY(%(symbols)s::text[]))
