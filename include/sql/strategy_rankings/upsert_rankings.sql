-- Rankings of a run, one row per scope and trial; rows that say the same already are left alone.
-- Parameters: run_id, rows (JSON). Called by plugins.backtest.ranking.
INSERT INTO strategy_rankings AS held (
    run_id, scope, trial_id, strategy, rank, shared_by, sessions, sharpe_ratio, annual_return, max_drawdown,
    probabilistic_sharpe, deflated_sharpe, best_set_p_value, in_best_set, beats_benchmark, spa_p_sharpe, spa_p_return,
    overfitting_probability, trials)
SELECT %(run_id)s, scope, trial_id, strategy, rank, shared_by, sessions, sharpe_ratio, annual_return, max_drawdown,
       probabilistic_sharpe, deflated_sharpe, best_set_p_value, in_best_set, beats_benchmark, spa_p_sharpe,
       spa_p_return, overfitting_probability, trials
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    scope text, trial_id bigint, strategy text, rank integer, shared_by integer, sessions integer,
    sharpe_ratio double precision, annual_return double precision, max_drawdown double precision,
    probabilistic_sharpe double precision, deflated_sharpe double precision, best_set_p_value double precision,
    in_best_set boolean, beats_benchmark boolean, spa_p_sharpe double precision, spa_p_return double precision,
    overfitting_probability double precision, trials integer)
ORDER BY scope, rank, trial_id
ON CONFLICT (run_id, scope, trial_id) DO UPDATE SET
    strategy = excluded.strategy, rank = excluded.rank, shared_by = excluded.shared_by, sessions = excluded.sessions,
    sharpe_ratio = excluded.sharpe_ratio, annual_return = excluded.annual_return,
    max_drawdown = excluded.max_drawdown, probabilistic_sharpe = excluded.probabilistic_sharpe,
    deflated_sharpe = excluded.deflated_sharpe, best_set_p_value = excluded.best_set_p_value,
    in_best_set = excluded.in_best_set, beats_benchmark = excluded.beats_benchmark,
    spa_p_sharpe = excluded.spa_p_sharpe, spa_p_return = excluded.spa_p_return,
    overfitting_probability = excluded.overfitting_probability, trials = excluded.trials,
    recorded_at = clock_timestamp()
WHERE (held.strategy, held.rank, held.shared_by, held.sessions, held.sharpe_ratio, held.annual_return,
       held.max_drawdown, held.probabilistic_sharpe, held.deflated_sharpe, held.best_set_p_value, held.in_best_set,
       held.beats_benchmark, held.spa_p_sharpe, held.spa_p_return, held.overfitting_probability, held.trials)
    IS DISTINCT FROM
      (excluded.strategy, excluded.rank, excluded.shared_by, excluded.sessions, excluded.sharpe_ratio,
       excluded.annual_return, excluded.max_drawdown, excluded.probabilistic_sharpe, excluded.deflated_sharpe,
       excluded.best_set_p_value, excluded.in_best_set, excluded.beats_benchmark, excluded.spa_p_sharpe,
       excluded.spa_p_return, excluded.overfitting_probability, excluded.trials)
