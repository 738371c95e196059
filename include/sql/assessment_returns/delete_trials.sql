-- What an earlier attempt of this run wrote for some trials. Parameters: run_id, trials.
-- Called by plugins.backtest.assessment_store.
DELETE FROM assessment_returns WHERE run_id = %(run_id)s AND trial_id = ANY(%(trials)s)
