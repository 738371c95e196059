-- Every model, paused or not, as an assessment tries it. Called by plugins.backtest.assessment_run.
SELECT model_name, strategy_class, parameters FROM models ORDER BY model_name
