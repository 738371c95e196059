-- One row: a configuration that was tried. Parameter: trial_id. Called by plugins.backtest.account, plugins.web.pages.assessment.
SELECT id, strategy, strategy_class, parameters, universe FROM strategy_trials WHERE id = %(trial_id)s
