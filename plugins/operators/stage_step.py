"""The operator of the daily chain: one step of one stage, read from Airflow's run and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseHook, BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from models.errors import AlmanacError, RetryableError
from plugins.stages.whole import stage_class


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
        from data_layer.storage.database import as_run
        from plugins.stages.opening import open_context
        from plugins.stages.runs import record_failure
        from plugins.stages.tracing import bind

        uri = BaseHook.get_connection("quant_data").get_uri().replace("postgres://", "postgresql://", 1)
        try:
            run = open_context(uri, context, self.task_id, self.first_step)
            bind(run)
            stage = stage_class(self.dag_id)
            if not run.window and self.task_id not in stage.ALWAYS:
                return run.say("nothing to do")
            try:
                with as_run(run.request.run_id):
                    return getattr(stage(run), self.task_id)(**self.arguments)
            except Exception as error:
                try:
                    record_failure(run, run.sessions, error)
                except Exception:  # with the database gone, the task's own error still matters most
                    self.log.exception("the failure could not be noted in stage_runs")
                raise
        except RetryableError:
            raise
        except AlmanacError as error:
            raise AirflowFailException(str(error)) from error
