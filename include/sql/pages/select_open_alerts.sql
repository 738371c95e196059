-- Alerts that are open, gravest and newest first, each with what its subject is the name of, NULL where there is none.
-- Parameter: count (NULL for all). Called by plugins.web.alerts, plugins.web.pages.overview.
SELECT a.severity, a.kind, a.subject, a.message, a.value, a.threshold, a.session_date, a.opened_at,
       m.model_name AS model, c.id AS account, v.id AS version
FROM alerts a
LEFT JOIN models m ON m.model_name = a.subject
LEFT JOIN accounts c ON c.id = a.subject
LEFT JOIN model_versions v ON v.family || ' version ' || v.version = a.subject
WHERE a.closed_at IS NULL
ORDER BY array_position(ARRAY['critical', 'warning', 'info'], a.severity), a.opened_at DESC LIMIT %(count)s
