-- A new version of a feature set with its columns. Parameters: set, version, fingerprint, rows (JSON).
-- Called by plugins.stages.features.
WITH registered AS (
    INSERT INTO feature_sets (feature_set, version, fingerprint)
    VALUES (%(set)s, %(version)s, %(fingerprint)s) RETURNING feature_set, version
)
INSERT INTO feature_definitions (feature_set, version, name, position, formula, inputs, window_sessions,
                                 warm_up_sessions, unit, value_range, equals)
SELECT s.feature_set, s.version, r.name, r.position, r.formula, r.inputs, r.window_sessions, r.warm_up_sessions,
       r.unit, r.value_range, r.equals
FROM registered s, jsonb_to_recordset(%(rows)s::jsonb) AS r (
    name text, position integer, formula text, inputs text[], window_sessions integer, warm_up_sessions integer,
    unit text, value_range text, equals text)
