-- What an account's fills from a session on cost: in all, and by symbol, side and size; basis points of what was traded.
-- Parameters: account; since, symbol, side, size (NULL for all). Called by plugins.web.pages.costs.
WITH chosen AS (
    SELECT * FROM fill_costs
    WHERE account_id = %(account)s AND (%(since)s::date IS NULL OR session_date >= %(since)s)
      AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s) AND (%(side)s::text IS NULL OR side = %(side)s)
      AND (%(size)s::text IS NULL OR size = %(size)s)
)
SELECT CASE WHEN grouping(symbol) = 0 THEN 'symbol' WHEN grouping(side) = 0 THEN 'side' WHEN grouping(size) = 0 THEN 'size'
            ELSE 'all' END AS kind,
       coalesce(symbol, side, size, 'all') AS name, count(*) AS fills, sum(notional_usd) AS notional_usd,
       sum(close_cost_usd) AS close_cost_usd, sum(open_cost_usd) AS open_cost_usd, sum(average_cost_usd) AS average_cost_usd,
       count(*) FILTER (WHERE average_kind = 'VWAP') AS vwap_fills,
       sum(slippage_usd) AS slippage_usd, sum(commission_usd) AS commission_usd,
       10000 * sum(close_cost_usd) / sum(notional_usd) FILTER (WHERE close_cost_usd IS NOT NULL) AS close_bps,
       10000 * sum(open_cost_usd) / sum(notional_usd) FILTER (WHERE open_cost_usd IS NOT NULL) AS open_bps,
       10000 * sum(average_cost_usd) / sum(notional_usd) FILTER (WHERE average_cost_usd IS NOT NULL) AS average_bps,
       10000 * sum(commission_usd) / sum(notional_usd) AS commission_bps
FROM chosen GROUP BY GROUPING SETS ((symbol), (side), (size), ())
HAVING count(*) > 0
ORDER BY kind, CASE WHEN grouping(size) = 0 THEN min(notional_usd) END, name
