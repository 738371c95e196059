-- How many configurations of a strategy were tried. Parameter: strategy. Called by plugins.backtest.sweep, storage.training.
SELECT count(*) AS trials FROM strategy_trials WHERE strategy = %(strategy)s
