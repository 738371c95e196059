-- What was found; the same finding again stays as it is, one with other values takes them.
-- Parameters: rows (JSON array), run_id. Called by quality.findings.
INSERT INTO quality_findings (symbol, session_date, check_name, severity, seen_on, detail, run_id)
SELECT symbol, session_date, check_name, severity, seen_on, detail, %(run_id)s
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    symbol text, session_date date, check_name text, severity text, seen_on date, detail jsonb)
ORDER BY session_date, symbol, check_name
ON CONFLICT (session_date, symbol, check_name) DO UPDATE
SET severity = excluded.severity, seen_on = excluded.seen_on, detail = excluded.detail, run_id = excluded.run_id,
    recorded_at = clock_timestamp(), resolved_at = NULL
WHERE (quality_findings.severity, quality_findings.seen_on, quality_findings.detail)
      IS DISTINCT FROM (excluded.severity, excluded.seen_on, excluded.detail)
   OR quality_findings.resolved_at IS NOT NULL
