-- An account that follows another goes on by its settings. Parameters: new, old. Called by runtime.account.
UPDATE portfolio_settings n SET method = o.method, names = o.names, full_score_weight = o.full_score_weight,
    max_symbol = o.max_symbol, max_sector = o.max_sector, max_gross = o.max_gross, max_net = o.max_net,
    cash_buffer = o.cash_buffer, max_turnover = o.max_turnover, min_change = o.min_change, rebalance = o.rebalance,
    max_holding_sessions = o.max_holding_sessions, rearm_sessions = o.rearm_sessions
FROM portfolio_settings o WHERE n.account_id = %(new)s AND o.account_id = %(old)s
