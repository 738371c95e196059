-- The out-of-sample Sharpe ratio per session of each distinct configuration of a family, of its latest training.
-- Parameter: family. Called by storage.training.
SELECT DISTINCT ON (trial_id) sharpe_per_session FROM training_runs
WHERE family = %(family)s AND sharpe_per_session IS NOT NULL
ORDER BY trial_id, id DESC
