-- Errors of an earlier attempt of this run. Parameters: run_id, strategies. Called by plugins.backtest.assessment_store.
DELETE FROM assessment_errors WHERE run_id = %(run_id)s AND strategy = ANY(%(strategies)s)
