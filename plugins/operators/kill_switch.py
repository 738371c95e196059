"""The operator of the kill switch: latch, rearm or drill, as the run's form says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from plugins.operators.base import database_uri, final_errors


class KillSwitchOperator(BaseOperator):
    """Does the action on all accounts; latching also cancels what is out at a real broker.

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
        from data_layer.settings import load_settings
        from data_layer.storage.database import as_run, transaction
        from data_layer.storage.kill_switch import accounts
        from plugins.execution.cancelling import cancel_at_broker
        from plugins.stages.drill import operate
        from plugins.vendor_keys import with_connections

        uri = database_uri()
        run = context["dag_run"]
        day: dt.datetime | None = run.logical_date or run.run_after
        if day is None:
            raise AirflowFailException("the run has no date")
        with final_errors(), as_run(run.run_id):
            done = operate(uri, self.action, self.reason, day.date())
            if self.action != "latch":
                return done
            with transaction(uri) as connection:
                names = accounts(connection)
            return {**done, "at_broker": cancel_at_broker(uri, names, lambda: with_connections(load_settings()))}
