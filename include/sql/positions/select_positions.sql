-- Holdings and their exits at a session's close. Parameters: account_id, session. Called by plugins.stages.account.
SELECT symbol, quantity::numeric AS quantity, cost_basis_usd, realized_pnl_usd, price, price_date,
       entry_order, stop_loss, take_profit, best_price, trailing_price, ended_side
FROM positions WHERE account_id = %(account_id)s AND session_date = %(session)s
ORDER BY symbol
