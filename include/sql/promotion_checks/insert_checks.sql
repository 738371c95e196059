-- What the gate measured for a decision. Parameters: decision, rows (JSON). Called by storage.registry.
INSERT INTO promotion_checks (decision_id, name, value, threshold, passed, detail)
SELECT %(decision)s, r.*
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    name text, value double precision, threshold double precision, passed boolean, detail text)
