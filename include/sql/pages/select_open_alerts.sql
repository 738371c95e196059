-- Alerts that are open, gravest and newest first. Parameter: count. Called by plugins.web.pages.overview.
SELECT severity, kind, subject, message, value, threshold, session_date, opened_at FROM alerts WHERE closed_at IS NULL
ORDER BY array_position(ARRAY['critical', 'warning', 'info'], severity), opened_at DESC LIMIT %(count)s
