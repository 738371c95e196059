-- One row: an account at a session's close, and what it made since the close before, deposits left out. Parameters: account, session.
-- Called by plugins.rehearsal, plugins.web.pages.overview, plugins.web.pages.risk.
SELECT s.session_date, s.cash_usd, s.securities_usd, s.equity_usd, s.gross_exposure_usd, s.net_exposure_usd, s.is_synthetic,
       s.equity_usd - b.equity_usd + (
           SELECT coalesce(sum(e.amount_usd), 0) FROM ledger_entries e
           WHERE e.account_id = s.account_id AND e.session_date = s.session_date AND e.ledger_account = 'capital'
       ) AS change_usd
FROM account_snapshots s
LEFT JOIN LATERAL (
    SELECT b.equity_usd FROM account_snapshots b
    WHERE b.account_id = s.account_id AND b.session_date < s.session_date ORDER BY b.session_date DESC LIMIT 1
) b ON true
WHERE s.account_id = %(account)s AND s.session_date <= %(session)s
ORDER BY s.session_date DESC LIMIT 1
