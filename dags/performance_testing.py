"""Measure every model as of every session, look for drift of trained ones, report, rank.

**Waits for:** asset `positions`.
**Writes:** `model_performance`, `model_drift`, `alerts`, `performance_reports`; asset `model_performance`; tear sheets
into the folder `REPORTS`.
**Rerun:** always safe. With `start` and `end` past sessions are measured again by the rules they were
measured by, and compared.
**If it fails:** the message names the model and the session; the figures of earlier sessions stand, and tear
sheets are those of the session before.
"""

from airflow.sdk import chain

from plugins.assets import MODEL_PERFORMANCE, POSITIONS
from plugins.dag_defaults import stage_dag
from plugins.operators.stage_step import StageStepOperator

FIRST = "get_active_models"

with stage_dag("performance_testing", __doc__, [POSITIONS]):
    active = StageStepOperator(task_id=FIRST, first_step=FIRST)
    chain(
        active,
        StageStepOperator(
            task_id="calculate_all_model_performance",
            first_step=FIRST,
            arguments={"model_ids": active.output},
        ),
        StageStepOperator(task_id="measure_model_drift", first_step=FIRST),
        StageStepOperator(task_id="generate_performance_report", first_step=FIRST),
        StageStepOperator(task_id="update_model_rankings", first_step=FIRST, outlets=[MODEL_PERFORMANCE]),
        StageStepOperator(task_id="write_tear_sheets", first_step=FIRST),
    )
