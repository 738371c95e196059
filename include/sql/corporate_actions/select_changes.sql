-- One row: how many actions handed over are new or differ, and the first ex-date that does. Parameter: rows (JSON).
-- Called by storage.bars.
SELECT count(*) FILTER (WHERE a.symbol IS NULL) AS new,
       count(*) FILTER (WHERE a.value <> s.value) AS corrected,
       min(s.ex_date) FILTER (WHERE a.value <> s.value) AS first_corrected
FROM jsonb_to_recordset(%(rows)s::jsonb) AS s (
    symbol text, ex_date date, action_type text, value numeric, inferred boolean, known_at timestamptz)
LEFT JOIN corporate_actions a USING (symbol, ex_date, action_type)
