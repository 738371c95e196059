"""The operator of the daily chain: one step of one stage, read from Airflow's run and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context

from plugins.operators.base import database_uri, final_errors
from plugins.stages.whole import stage_class, take_step


class StageStepOperator(BaseOperator):
    """Runs the step of its DAG's stage that is named like the task.

    The first step of a run decides which sessions the run is about; the others follow it, so that a run
    is about the same sessions from its first task to its last.

    Args:
        first_step: task id of the run's first step.
        arguments: passed to the step by name; for mapped tasks and for what an earlier task returned.

    Raises:
        AirflowFailException: what a retry cannot mend: settings, data, a block.
    """

    template_fields: Sequence[str] = ("arguments",)

    def __init__(self, *, first_step: str, arguments: dict[str, Any] | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.first_step = first_step
        self.arguments = arguments or {}

    def execute(self, context: Context) -> Any:
        """Open the run's context, take the step, and note a failure where everybody looks for it."""
        # Stages import pandas; reading DAG files must not.
        from plugins.stages.opening import open_context
        from plugins.stages.tracing import bind

        with final_errors():
            run = open_context(database_uri(), context, self.task_id, self.first_step)
            bind(run)
            return take_step(stage_class(self.dag_id)(run), self.task_id, **self.arguments)
