-- What the account made with each symbol in a span, realized. Parameters: account, first, last.
-- Called by plugins.reports.account_sheet.
SELECT l.symbol, -sum(l.amount_usd)::float8 AS realized FROM ledger_entries l
WHERE l.account_id = %(account)s AND l.ledger_account = 'realized_pnl' AND l.symbol IS NOT NULL
  AND l.session_date BETWEEN %(first)s AND %(last)s
GROUP BY 1 ORDER BY 2 DESC, 1
