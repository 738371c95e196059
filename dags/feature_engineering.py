"""Compute the features of every session that ingestion has completed.

**Waits for:** asset `market_data`.
**Writes:** `feature_sets`, `feature_definitions`, `feature_values` under the views `features_technical` and
`feature_store`; asset `feature_store`.
**Rerun:** always safe. With `start` and `end` it computes completed sessions again as of their knowledge
cutoff and fails if a value differs; `restate` writes new versions and marks what rests on them stale.
**If it fails:** a missing bar or feature is named with its session; run `data_ingestion` for it. When
`check_feature_drift` finds stored values of the newest session that a recompute does not give, models are not woken:
find out what changed (code, libraries, machine, bars), then `restate` the session and clear the task.
"""

from airflow.sdk import chain

from plugins.assets import FEATURE_STORE, MARKET_DATA
from plugins.dag_defaults import stage_dag
from plugins.operators.stage_step import StageStepOperator

FIRST = "calculate_technical_indicators"

with stage_dag("feature_engineering", __doc__, [MARKET_DATA]):
    chain(
        StageStepOperator(task_id=FIRST, first_step=FIRST),
        StageStepOperator(task_id="prepare_model_features", first_step=FIRST),
        StageStepOperator(task_id="check_feature_drift", first_step=FIRST, outlets=[FEATURE_STORE]),
    )
