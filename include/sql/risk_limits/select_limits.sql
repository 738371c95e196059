-- Thresholds by limit. Called by plugins.stages.risk.
SELECT name, threshold FROM risk_limits ORDER BY name
