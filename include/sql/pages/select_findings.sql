-- Findings that are open, gravest first. Parameter: count. Called by plugins.web.pages.data.
SELECT session_date, symbol, check_name, severity, detail FROM quality_findings WHERE resolved_at IS NULL
ORDER BY severity, session_date DESC, symbol LIMIT %(count)s
