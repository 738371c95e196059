-- One row per session: an account's equity, and the fall of its unit value, which deposits leave, from the peak before.
-- Parameter: account. Called by plugins.web.pages.overview.
SELECT s.session_date, s.equity_usd::float8 AS equity,
       (r.unit_value / max(r.unit_value) OVER (ORDER BY s.session_date) - 1)::float8 AS drawdown
FROM account_snapshots s LEFT JOIN risk_snapshots r USING (account_id, session_date)
WHERE s.account_id = %(account)s ORDER BY s.session_date
