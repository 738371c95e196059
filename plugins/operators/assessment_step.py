"""The operator of strategy_assessment: one step, asked for by the run's form and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context

from plugins.operators.base import database_uri, final_errors


class AssessmentStepOperator(BaseOperator):
    """Runs the step of plugins.backtest.assessment_steps that is named like the task.

    Args:
        arguments: passed to the step by name: what the first step has settled.

    Raises:
        AirflowFailException: what a retry cannot mend: settings, data, a block.
    """

    template_fields: Sequence[str] = ("arguments",)

    def __init__(self, *, arguments: dict[str, Any] | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.arguments = arguments or {}

    def execute(self, context: Context) -> Any:
        """Take the step; without arguments it is the first one and is given the run's form."""
        from plugins.backtest import assessment_steps

        form = {"params": dict(context["params"]), "logical_date": context["dag_run"].logical_date}
        with final_errors():
            return getattr(assessment_steps, self.task_id)(database_uri(), **(self.arguments or form))
