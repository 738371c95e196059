"""The operator of upkeep: one step of plugins.upkeep, named like the task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseHook, BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from models.errors import AlmanacError, RetryableError


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

        uri = BaseHook.get_connection("quant_data").get_uri().replace("postgres://", "postgresql://", 1)
        try:
            return getattr(upkeep, self.task_id)(uri, load_settings(), **self.arguments)
        except RetryableError:
            raise
        except AlmanacError as error:
            raise AirflowFailException(str(error)) from error
