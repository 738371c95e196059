-- Limits that have no row yet; one that has keeps it. Parameter: rows (JSON). Called by storage.limits.
INSERT INTO risk_limits (name, threshold, unit, description)
SELECT name, threshold, unit, description
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (name text, threshold double precision, unit text, description text)
ON CONFLICT (name, symbol) DO NOTHING
