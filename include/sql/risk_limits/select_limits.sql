-- Thresholds by limit, and by symbol where one has its own.
-- Called by plugins.stages.trading_rules, runtime.limits.
SELECT name, symbol, threshold, unit, reason, changed_by FROM risk_limits ORDER BY name, symbol
