"""The operator of strategy_backtest: one backtest, asked for by the run's form."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseHook, BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from models.errors import AlmanacError, RetryableError


class BacktestOperator(BaseOperator):
    """Runs plugins.backtest.answering with the words of the run's form.

    Raises:
        AirflowFailException: what a retry cannot mend: a wrong word, a symbol without bars.
    """

    def execute(self, context: Context) -> Any:
        """Run it and return the id of its row in backtest_runs."""
        from data_layer.settings import load_settings
        from plugins.backtest.answering import answer

        uri = BaseHook.get_connection("quant_data").get_uri().replace("postgres://", "postgresql://", 1)
        run = context["dag_run"]
        assert run.run_after is not None  # noqa: S101  # Airflow gives every run one
        try:
            return answer(uri, load_settings(), run.run_id, run.run_after.date(), dict(context["params"]))
        except RetryableError:
            raise
        except AlmanacError as error:
            raise AirflowFailException(str(error)) from error
