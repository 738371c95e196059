-- Who stated the actions held. Parameter: rows (JSON). Called by storage.vendors.
SELECT a.symbol, a.ex_date, a.action_type, a.source
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (symbol text, ex_date date, action_type text)
JOIN corporate_actions a USING (symbol, ex_date, action_type)
