-- Holdings of an account at a session's close, largest first; weight: fraction of equity. Parameters: account, session.
-- Called by plugins.web.pages.risk.
SELECT p.symbol, p.quantity, p.average_cost, p.price, p.price_date, p.market_value_usd, p.unrealized_pnl_usd,
       p.market_value_usd / nullif(s.equity_usd, 0) AS weight
FROM positions p JOIN account_snapshots s USING (account_id, session_date)
WHERE p.account_id = %(account)s AND p.session_date = %(session)s AND p.quantity <> 0
ORDER BY abs(p.market_value_usd) DESC, p.symbol
