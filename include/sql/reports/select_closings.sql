-- The trades of an account that brought in most and least, and its newest: fills that closed a holding or part of one, and
-- what was paid out for shares that left or that a split left over; at average cost, before commissions, as the books have
-- it. Parameters: account, first, last, count. Called by plugins.reports.account_sheet.
WITH booked AS MATERIALIZED (
    SELECT l.symbol, l.session_date, l.kind, l.transaction_key, -l.amount_usd AS realized FROM ledger_entries l
    WHERE l.account_id = %(account)s AND l.ledger_account = 'realized_pnl' AND l.symbol IS NOT NULL
      AND l.session_date BETWEEN %(first)s AND %(last)s
), listed AS (
    SELECT 'best' AS list, row_number() OVER () AS place, b.* FROM (
        SELECT * FROM booked WHERE realized > 0 ORDER BY realized DESC, session_date, transaction_key LIMIT %(count)s) b
    UNION ALL
    SELECT 'worst', row_number() OVER (), w.* FROM (
        SELECT * FROM booked WHERE realized < 0 ORDER BY realized, session_date, transaction_key LIMIT %(count)s) w
    UNION ALL
    SELECT 'newest', row_number() OVER (), n.* FROM (
        SELECT * FROM booked ORDER BY session_date DESC, symbol, transaction_key LIMIT %(count)s) n
)
SELECT t.list, t.symbol, t.session_date::text AS closed,
       CASE WHEN t.kind <> 'fill' THEN replace(t.kind, '_', ' ') WHEN f.side = 'sell' THEN 'sold' ELSE 'bought back' END AS by,
       f.quantity AS shares, f.price::float8 AS price_usd, t.realized::float8 AS realized_usd
FROM listed t LEFT JOIN fills f ON t.kind = 'fill' AND f.broker_fill_id = substr(t.transaction_key, length('fill:') + 1)
ORDER BY t.list, t.place
