"""Run every active model on the stored features and publish their signals together.

**Waits for:** asset `feature_store`.
**Writes:** `models`, `model_runs`, `signals`; asset `signals`.
**Rerun:** always safe. A new strategy file is registered and scored over all of history. With `start` and
`end` past sessions are scored again with the parameters they ran with, and compared; `restate` takes the
parameters as they are now, writes new versions and marks what rests on them stale.
**If it fails:** a model that cannot run fails its own task and, at the end, the run; the others have been
published. Mend its file or pause it (`UPDATE models SET is_active = false WHERE model_name = ...`); its
next run catches up.
"""

from airflow.sdk import TriggerRule, chain

from plugins.assets import FEATURE_STORE, SIGNALS
from plugins.dag_defaults import stage_dag
from plugins.operators.stage_step import StageStepOperator
from plugins.operators.strategy_link import ModelStepOperator

FIRST = "register_models"

with stage_dag("model_execution", __doc__, [FEATURE_STORE]):
    load = StageStepOperator(task_id="load_registered_models", first_step=FIRST)
    features = StageStepOperator(task_id="fetch_latest_features", first_step=FIRST)
    metrics = StageStepOperator(task_id="log_model_metrics", first_step=FIRST)
    chain(
        StageStepOperator(task_id=FIRST, first_step=FIRST),
        load,
        features,
        ModelStepOperator.partial(task_id="execute_strategies", first_step=FIRST).expand(
            arguments=load.output.map(lambda model_id: {"model_id": model_id})
        ),
        StageStepOperator(
            task_id="store_trading_signals",
            first_step=FIRST,
            trigger_rule=TriggerRule.ALL_DONE,
            outlets=[SIGNALS],
        ),
        metrics,
    )
    # Signals are stored even when a model has failed; a failure before the models must not end green.
    chain(features, metrics)
