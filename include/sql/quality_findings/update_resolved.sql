-- Findings of some sessions that are not found any more. Parameters: start, end, rows (JSON: what is found).
-- Called by quality.findings.
UPDATE quality_findings f SET resolved_at = clock_timestamp()
WHERE f.seen_on BETWEEN %(start)s AND %(end)s AND f.resolved_at IS NULL
  AND NOT EXISTS (
    SELECT FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (symbol text, session_date date, check_name text)
    WHERE (r.session_date, r.symbol, r.check_name) = (f.session_date, f.symbol, f.check_name))
