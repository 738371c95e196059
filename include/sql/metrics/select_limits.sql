-- One row per limit that holds for all symbols: its threshold. Called by plugins.web.api.metrics.
SELECT name AS "limit", threshold FROM risk_limits WHERE symbol = '' ORDER BY name
