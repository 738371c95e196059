-- Findings that stand and could be known at some sessions. Parameters: start, end. Called by quality.findings.
SELECT symbol, session_date, check_name, severity, seen_on, detail
FROM quality_findings
WHERE seen_on BETWEEN %(start)s::date AND %(end)s::date AND resolved_at IS NULL
ORDER BY seen_on, symbol, session_date, check_name
