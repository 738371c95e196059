-- Rankings of a run that it does not make any more, such as of a category since renamed.
-- Parameters: run_id, rows (JSON). Called by plugins.backtest.ranking.
DELETE FROM strategy_rankings
WHERE run_id = %(run_id)s
  AND (scope, trial_id) NOT IN (
      SELECT scope, trial_id FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (scope text, trial_id bigint))
