-- The versions that changed actions replace, believed until update_corrected's are known. Parameters: rows (JSON),
-- batch_id. Called by storage.bars.
INSERT INTO corporate_actions_history
SELECT a.*, greatest(CASE WHEN s.decided THEN now() ELSE least(now(), s.latest) END, a.known_at), %(batch_id)s
FROM jsonb_to_recordset(%(rows)s::jsonb) AS s (
    symbol text, ex_date date, action_type text, value numeric, inferred boolean, latest timestamptz,
    decided boolean)
JOIN corporate_actions a USING (symbol, ex_date, action_type)
WHERE a.value <> s.value
