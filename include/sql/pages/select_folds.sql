-- Walk-forward folds of a training, in order; those of the version then in use beside them. Parameter: training_run_id.
-- Called by plugins.web.pages.models.
SELECT configuration, fold, train_start, train_end, test_start, test_end, ic, rank_ic, icir, sharpe_ratio, win_rate, turnover,
       n, sessions
FROM walk_forward_results WHERE training_run_id = %(training_run_id)s ORDER BY configuration, fold
