"""The operator of model_training: one step, asked for by the run's form; ids go from one to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context

from models.errors import RetryableError
from plugins.operators.base import database_uri, final_errors


class TrainingStepOperator(BaseOperator):
    """Runs the step of plugins.ml.training.Training that is named like the task, as the role that may read labels.

    Args:
        training_run: training_runs.id, from the first task; that one is given the run's form instead.

    Raises:
        AirflowFailException: what a retry cannot mend: settings, data, a block.
    """

    template_fields: Sequence[str] = ("training_run",)

    def __init__(self, *, training_run: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.training_run = training_run

    def execute(self, context: Context) -> Any:
        """Take the step, and note a failure in the run."""
        from data_layer.settings import load_settings
        from data_layer.storage.database import as_run
        from plugins.ml.asked import read_asked
        from plugins.ml.training import Training

        training = Training(database_uri("quant_trainer"), load_settings(), self.log.info)
        dag_run = context["dag_run"]
        with final_errors(), as_run(dag_run.run_id):
            if self.training_run is None:
                form = {name.upper(): value for name, value in context["params"].items()}
                by = getattr(dag_run, "triggering_user_name", None) or "schedule"
                return training.build_dataset(read_asked(form, dag_run.run_id, by))
            try:
                return getattr(training, self.task_id)(int(self.training_run))
            except RetryableError:
                raise
            except Exception as error:
                training.fail(int(self.training_run), error)
                raise
