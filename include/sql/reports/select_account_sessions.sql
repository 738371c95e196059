-- The account at each close, what was paid in or out that session, what it traded and the benchmark.
-- Parameter: account. Called by plugins.reports.account_sheet.
SELECT s.session_date, s.account_id, s.equity_usd::float8 AS equity, s.gross_exposure_usd::float8 AS gross,
       s.net_exposure_usd::float8 AS net, coalesce(f.traded, 0)::float8 AS traded, coalesce(f.commission, 0)::float8 AS commission,
       coalesce(f.slippage, 0)::float8 AS slippage, coalesce(f.fills, 0) AS fills, coalesce(l.paid_in, 0)::float8 AS paid_in,
       b.close_return, b.name AS benchmark, s.is_synthetic
FROM account_snapshots s
LEFT JOIN benchmark_returns b ON b.session_date = s.session_date
LEFT JOIN (
    SELECT account_id, session_date, sum(quantity * price) AS traded, sum(commission_usd) AS commission,
           sum(slippage_usd) AS slippage, count(*) AS fills
    FROM fills GROUP BY 1, 2
) f ON f.account_id = s.account_id AND f.session_date = s.session_date
LEFT JOIN (
    SELECT account_id, session_date, -sum(amount_usd) AS paid_in FROM ledger_entries
    WHERE ledger_account = 'capital' GROUP BY 1, 2
) l ON l.account_id = s.account_id AND l.session_date = s.session_date
WHERE s.account_id = %(account)s
ORDER BY s.session_date
