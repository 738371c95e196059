-- One row per severity: how many alerts are open. Called by plugins.web.api.metrics.
SELECT s.severity, count(a.id) AS alerts
FROM unnest(ARRAY['critical', 'info', 'warning']) AS s (severity)
LEFT JOIN alerts a ON a.severity = s.severity AND a.closed_at IS NULL
GROUP BY s.severity ORDER BY s.severity
