"""Run every strategy in every symbol and scenario, and rank them honestly.

**Waits for:** nothing; it is triggered, with a form for strategies, symbols, scenarios, dates, costs and limits.
**Writes:** `scenarios`, `backtest_runs`, `assessment_scenarios`, `assessment_sessions`, `backtest_results`,
`assessment_returns`, `assessment_errors`, `strategy_trials`, `strategy_rankings`. With form = portfolio each
strategy is run over all symbols in one account, as `make backtest FORM=portfolio` does, into `backtest_runs`,
`backtest_results`, `backtest_equity`, `backtest_trades` and `strategy_trials`; portfolios are not ranked.
**Rerun:** always safe. The same question to the same bars and code is the same row of `backtest_runs`; its
results are written again in place, and no configuration is counted twice.
**If it fails:** the message names the symbol, the scenario or the line of `include/scenarios.toml`. A strategy
that cannot run stands in `assessment_errors` and fails nothing: the others run. A scenario that the bars held do
not cover is skipped, with the reason in `assessment_scenarios`.
"""

from airflow.sdk import chain

from plugins.dag_defaults import assessment_dag
from plugins.operators.assessment_step import AssessmentStepOperator

with assessment_dag("strategy_assessment", __doc__):
    prepare = AssessmentStepOperator(task_id="prepare_assessment")
    chain(
        AssessmentStepOperator.partial(task_id="assess_shard").expand(arguments=prepare.output),
        AssessmentStepOperator(task_id="rank_strategies", arguments={"shards": prepare.output}),
    )
