-- One row per session: an account's fall below its peak and its exposures, fractions. Parameter: account.
-- Called by plugins.web.pages.risk.
SELECT r.session_date, -r.drawdown AS drawdown,
       (s.gross_exposure_usd / nullif(s.equity_usd, 0))::float8 AS gross, (s.net_exposure_usd / nullif(s.equity_usd, 0))::float8 AS net
FROM risk_snapshots r JOIN account_snapshots s USING (account_id, session_date)
WHERE r.account_id = %(account)s ORDER BY r.session_date
