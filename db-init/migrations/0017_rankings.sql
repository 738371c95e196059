-- Rankings of an assessment: what its figures are worth once luck is counted.
CREATE TABLE strategy_rankings (
    run_id bigint NOT NULL REFERENCES backtest_runs (id) ON DELETE CASCADE,
    scope text NOT NULL CHECK (scope ~ '^(overall|(category|regime):[a-z_]{2,40})$'),
    trial_id bigint NOT NULL REFERENCES strategy_trials (id),
    strategy text NOT NULL,
    rank integer CHECK (rank BETWEEN 1 AND 1000000),
    shared_by integer CHECK (shared_by BETWEEN 1 AND 1000000 AND (shared_by IS NULL) = (rank IS NULL)),
    sessions integer NOT NULL CHECK (sessions BETWEEN 1 AND 1000000),
    sharpe_ratio double precision CHECK (abs(sharpe_ratio) < 1e6 AND (sharpe_ratio IS NULL) = (rank IS NULL)),
    annual_return double precision CHECK (annual_return BETWEEN -1 AND 1e9),
    max_drawdown double precision CHECK (max_drawdown BETWEEN -1 AND 0),
    probabilistic_sharpe double precision CHECK (probabilistic_sharpe BETWEEN 0 AND 1),
    deflated_sharpe double precision CHECK (deflated_sharpe BETWEEN 0 AND 1),
    best_set_p_value double precision CHECK (best_set_p_value BETWEEN 0 AND 1),
    in_best_set boolean NOT NULL CHECK (in_best_set = coalesce(rank = 1, false)),
    beats_benchmark boolean NOT NULL,
    spa_p_sharpe double precision CHECK (spa_p_sharpe BETWEEN 0 AND 1),
    spa_p_return double precision CHECK (spa_p_return BETWEEN 0 AND 1),
    overfitting_probability double precision CHECK (overfitting_probability BETWEEN 0 AND 1),
    trials integer NOT NULL CHECK (trials BETWEEN 1 AND 1000000000),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, scope, trial_id)
);
COMMENT ON TABLE strategy_rankings IS 'Strategies of an assessment in order, overall, by category and by regime; those that cannot be told apart share a rank. See docs/ranking.md.';
COMMENT ON COLUMN strategy_rankings.run_id IS 'backtest_runs.id';
COMMENT ON COLUMN strategy_rankings.scope IS 'overall; category:x, the strategies of a category; regime:x, the sessions whose regime was x as told at the close before';
COMMENT ON COLUMN strategy_rankings.trial_id IS 'strategy_trials.id: strategy and parameters';
COMMENT ON COLUMN strategy_rankings.strategy IS 'Name of the strategy, with its trial_id where a run holds several of one name';
COMMENT ON COLUMN strategy_rankings.rank IS '1 plus the number of strategies in better sets; NULL without a Sharpe ratio (it never traded)';
COMMENT ON COLUMN strategy_rankings.shared_by IS 'Strategies with this rank, itself included: they cannot be told apart at 95 %';
COMMENT ON COLUMN strategy_rankings.sessions IS 'Daily returns it rests on';
COMMENT ON COLUMN strategy_rankings.sharpe_ratio IS 'Mean daily excess return over its deviation, after costs, per year';
COMMENT ON COLUMN strategy_rankings.annual_return IS 'Compound return per 252 sessions, after costs, fraction';
COMMENT ON COLUMN strategy_rankings.max_drawdown IS 'Deepest fall from a peak, fraction, at most 0; NULL for a regime, whose sessions do not join up';
COMMENT ON COLUMN strategy_rankings.probabilistic_sharpe IS 'Probability that the true Sharpe ratio is above 0, had this been the only trial';
COMMENT ON COLUMN strategy_rankings.deflated_sharpe IS 'Probability that it is above what the luckiest of all trials would show; NULL when the spread of the trials is not known';
COMMENT ON COLUMN strategy_rankings.best_set_p_value IS 'Smallest size at which it leaves the model confidence set of the scope; 1 for the best';
COMMENT ON COLUMN strategy_rankings.in_best_set IS 'Whether it is in the set of the best at 95 %, that is of rank 1';
COMMENT ON COLUMN strategy_rankings.beats_benchmark IS 'Whether its Sharpe ratio is above buy-and-hold''s at 95 %, allowing for all strategies tested; in a category as overall';
COMMENT ON COLUMN strategy_rankings.spa_p_sharpe IS 'p-value of "none beats buy-and-hold by Sharpe ratio"; one for the scope, NULL in a category or without buy-and-hold';
COMMENT ON COLUMN strategy_rankings.spa_p_return IS 'p-value of "none beats buy-and-hold by mean return"; as spa_p_sharpe';
COMMENT ON COLUMN strategy_rankings.overfitting_probability IS 'How often the best of half the history is at or below the median in the other half; one for the scope, NULL below two strategies';
COMMENT ON COLUMN strategy_rankings.trials IS 'Distinct configurations ever tried when this was ranked';
COMMENT ON COLUMN strategy_rankings.recorded_at IS 'Wall clock of the last change';

CREATE TABLE ranking_reports (
    run_id bigint PRIMARY KEY REFERENCES backtest_runs (id) ON DELETE CASCADE,
    lines text[] NOT NULL CHECK (cardinality(lines) BETWEEN 1 AND 1000),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE ranking_reports IS 'What a run''s ranking says, in sentences; what puts it in doubt comes first.';
COMMENT ON COLUMN ranking_reports.run_id IS 'backtest_runs.id';
COMMENT ON COLUMN ranking_reports.lines IS 'Sentences in order';
COMMENT ON COLUMN ranking_reports.recorded_at IS 'Wall clock of the last change';

GRANT SELECT ON strategy_rankings, ranking_reports TO quant_reader, quant_writer;
GRANT INSERT, UPDATE ON strategy_rankings, ranking_reports TO quant_writer;
GRANT DELETE ON strategy_rankings TO quant_writer;
