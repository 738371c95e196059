-- Actions of a batch that change what a decided session sees; orders use one at the session before its ex-date.
-- Parameters: rows (JSON), batch_id, run_id. Called by storage.bars.
INSERT INTO restatements (batch_id, symbol, date, fact, known_at)
SELECT %(batch_id)s, s.symbol, s.ex_date,
       CASE WHEN min(a.symbol) IS NULL THEN 'action late' ELSE 'action corrected' END, now()
FROM jsonb_to_recordset(%(rows)s::jsonb) AS s (
    symbol text, ex_date date, action_type text, value numeric, decided boolean)
LEFT JOIN corporate_actions a USING (symbol, ex_date, action_type)
WHERE s.decided AND CASE WHEN a.symbol IS NULL THEN EXISTS (
          SELECT FROM market_data m WHERE m.symbol = s.symbol AND m.batch_id < (
              SELECT min(id) FROM ingestion_batches WHERE run_id = %(run_id)s))
      ELSE a.value <> s.value END
GROUP BY s.symbol, s.ex_date
