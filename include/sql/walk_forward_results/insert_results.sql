-- Folds of a training; those that are there stay, for a second try computes the same. Parameter: rows (JSON).
-- Called by storage.training.
INSERT INTO walk_forward_results (training_run_id, configuration, fold, train_start, train_end, test_start, test_end, ic,
                                  rank_ic, icir, sharpe_ratio, win_rate, turnover, n, sessions, daily_returns)
SELECT r.*
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    training_run_id bigint, configuration text, fold integer, train_start date, train_end date, test_start date,
    test_end date, ic double precision, rank_ic double precision, icir double precision, sharpe_ratio double precision,
    win_rate double precision, turnover double precision, n bigint, sessions integer, daily_returns double precision[])
ON CONFLICT (training_run_id, configuration, fold) DO NOTHING
