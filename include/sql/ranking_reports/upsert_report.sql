-- What a run's ranking says; an equal report is left alone. Parameters: run_id, lines.
-- Called by plugins.backtest.ranking.
INSERT INTO ranking_reports AS held (run_id, lines) VALUES (%(run_id)s, %(lines)s)
ON CONFLICT (run_id) DO UPDATE SET lines = excluded.lines, recorded_at = clock_timestamp()
WHERE held.lines IS DISTINCT FROM excluded.lines
