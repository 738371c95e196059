-- How an account turns scores into targets. Parameter: account_id. Called by plugins.stages.trading_rules.
SELECT method, names, full_score_weight, max_symbol, max_sector, max_gross, max_net, cash_buffer, max_turnover, min_change,
       rebalance, max_holding_sessions, rearm_sessions
FROM portfolio_settings WHERE account_id = %(account_id)s
