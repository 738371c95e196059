"""The operator of the kill switch: latch, rearm or drill, as the run's form says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseHook, BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from models.errors import AlmanacError, RetryableError


class KillSwitchOperator(BaseOperator):
    """Does the action on all accounts.

    Args:
        action: latch, rearm or drill.
        reason: why; a drill needs none.
    """

    template_fields: Sequence[str] = ("action", "reason")

    def __init__(self, *, action: str, reason: str = "", **kwargs: Any):
        super().__init__(**kwargs)
        self.action = action
        self.reason = reason

    def execute(self, context: Context) -> Any:
        """Do it, on the day the run is of."""
        from plugins.stages.drill import operate

        uri = BaseHook.get_connection("quant_data").get_uri().replace("postgres://", "postgresql://", 1)
        run = context["dag_run"]
        day: dt.datetime | None = run.logical_date or run.run_after
        if day is None:
            raise AirflowFailException("the run has no date")
        try:
            return operate(uri, self.action, self.reason, day.date())
        except RetryableError:
            raise
        except AlmanacError as error:
            raise AirflowFailException(str(error)) from error
