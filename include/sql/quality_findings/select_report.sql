-- All findings that stand, by check, symbol and session. Called by quality.report.
SELECT check_name, severity, symbol, session_date, seen_on, detail
FROM quality_findings WHERE resolved_at IS NULL
ORDER BY check_name, symbol, session_date
