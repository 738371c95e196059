"""The operator of upkeep: one step of plugins.upkeep, named like the task."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Context

from plugins.operators.base import StepOperator, database_uri, final_errors


class UpkeepOperator(StepOperator):
    """Runs the step with the form's values.

    Raises:
        AirflowFailException: what a retry cannot mend: settings, data, a block.
    """

    def execute(self, context: Context) -> Any:
        """Take the step."""
        from data_layer.settings import load_settings
        from plugins import upkeep

        with final_errors():
            return getattr(upkeep, self.task_id)(database_uri(), load_settings(), **self.arguments)
