"""The operator of upkeep: one step of plugins.upkeep, named like the task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context

from plugins.operators.base import database_uri, final_errors


class UpkeepOperator(BaseOperator):
    """Runs the step with the form's values.

    Args:
        arguments: passed to the step by name.

    Raises:
        AirflowFailException: what a retry cannot mend: settings, data, a block.
    """

    template_fields: Sequence[str] = ("arguments",)

    def __init__(self, *, arguments: dict[str, Any] | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.arguments = arguments or {}

    def execute(self, context: Context) -> Any:
        """Take the step."""
        from data_layer.settings import load_settings
        from plugins import upkeep

        with final_errors():
            return getattr(upkeep, self.task_id)(database_uri(), load_settings(), **self.arguments)
