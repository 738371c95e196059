"""The operator of strategy_backtest: one backtest, asked for by the run's form."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context

from plugins.operators.base import database_uri, final_errors


class BacktestOperator(BaseOperator):
    """Runs plugins.backtest.answering with the words of the run's form.

    Raises:
        AirflowFailException: what a retry cannot mend: a wrong word, a symbol without bars.
    """

    def execute(self, context: Context) -> Any:
        """Run it and return the id of its row in backtest_runs."""
        from data_layer.settings import load_settings
        from data_layer.storage.database import as_run
        from plugins.backtest.answering import answer

        run = context["dag_run"]
        assert run.run_after is not None  # noqa: S101  # Airflow gives every run one
        with final_errors(), as_run(run.run_id):
            return answer(database_uri(), load_settings(), run.run_id, run.run_after.date(), dict(context["params"]))
