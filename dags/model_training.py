"""Train a model, judge it out of sample, register it, and promote it or refuse to.

**Waits for:** Saturday 08:00 New York when the source is live; otherwise for a trigger, with a form.
**Writes:** `training_runs`, `training_labels`, `walk_forward_results`, `strategy_trials`, `model_versions`,
`promotion_decisions`, `promotion_checks`, `alerts`; the artifact store and MLflow.
**Rerun:** always safe. A task that runs again goes on with the same row of `training_runs` and the same bars as of
its cutoff; a run registers one version, however often its tasks run. A new trigger is a new training: the same
configuration is not counted as tried twice.
**If it fails:** the message names the family, the parameter or the data, and stands in `training_runs.error` and
`alerts`; a version is there whole or not at all. That the gate refuses a version is no failure: every number is in
`promotion_checks`, `make models` lists it, and `make promote VERSION= WAIVER= REASON=` overrules the gate on
record. A promotion is used by the next run of model_execution.
"""

from airflow.sdk import chain

from plugins.dag_defaults import training_dag
from plugins.operators.training_step import TrainingStepOperator

with training_dag("model_training", __doc__):
    build = TrainingStepOperator(task_id="build_dataset")
    chain(
        build,
        TrainingStepOperator(task_id="run_walk_forward", training_run=build.output),
        TrainingStepOperator(task_id="evaluate", training_run=build.output),
        TrainingStepOperator(task_id="register_version", training_run=build.output),
        TrainingStepOperator(task_id="promote_or_refuse", training_run=build.output),
    )
