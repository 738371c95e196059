"""Run one strategy over bars held, as `make backtest` does; the API's POST backtests starts it through Airflow.

**Waits for:** nothing; it is triggered, with a form of the same words as `make backtest` takes. One run at a time:
whoever asks meanwhile queues, so that no number of questions takes the machine from the daily chain.
**Writes:** `backtest_runs`, `backtest_results`, `backtest_equity`, `backtest_trades`, `strategy_trials`, and an
event `backtest.stored` or `backtest.failed` in `audit_events`, which tells who asked where the result is.
**Rerun:** always safe. The same question to the same bars and code is the same row of `backtest_runs`.
**If it fails:** the message names the word that is wrong, or the symbol without bars.
"""

from plugins.dag_defaults import backtest_dag
from plugins.operators.backtest import BacktestOperator

with backtest_dag("strategy_backtest", __doc__):
    BacktestOperator(task_id="run_backtest")
