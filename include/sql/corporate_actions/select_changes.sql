-- One row: how many actions handed over differ from the one held or equal it, and the first ex-date for which a decided
-- session sees something else now. Parameters: rows (JSON), run_id, batch_id. Called by storage.bars.
SELECT count(*) FILTER (WHERE a.value <> s.value) AS corrected,
       count(*) FILTER (WHERE a.value = s.value) AS unchanged,
       min(s.ex_date) FILTER (WHERE a.value <> s.value OR (a.symbol IS NULL AND s.decided AND EXISTS (
           SELECT FROM market_data m WHERE m.symbol = s.symbol AND m.batch_id < coalesce((
               SELECT min(id) FROM ingestion_batches WHERE run_id = %(run_id)s), %(batch_id)s)))) AS first_restated
FROM jsonb_to_recordset(%(rows)s::jsonb) AS s (
    symbol text, ex_date date, action_type text, value numeric, inferred boolean, known_at timestamptz,
    decided boolean)
LEFT JOIN corporate_actions a USING (symbol, ex_date, action_type)
