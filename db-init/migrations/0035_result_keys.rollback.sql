-- Rows of runs and configurations are looked up one by one again.
DROP TRIGGER strategy_trials_deleted ON strategy_trials;
DROP TRIGGER backtest_runs_deleted ON backtest_runs;
DROP TRIGGER backtest_results_inserted ON backtest_results;
DROP TRIGGER backtest_results_updated ON backtest_results;
DROP TRIGGER assessment_returns_inserted ON assessment_returns;
DROP TRIGGER assessment_returns_updated ON assessment_returns;
DROP FUNCTION keep_tried();
DROP FUNCTION forget_run();
DROP FUNCTION refuse_unknown_runs();
ALTER TABLE backtest_results
    ADD FOREIGN KEY (run_id) REFERENCES backtest_runs (id) ON DELETE CASCADE,
    ADD FOREIGN KEY (trial_id) REFERENCES strategy_trials (id);
ALTER TABLE assessment_returns
    ADD FOREIGN KEY (run_id) REFERENCES backtest_runs (id) ON DELETE CASCADE,
    ADD FOREIGN KEY (trial_id) REFERENCES strategy_trials (id);
