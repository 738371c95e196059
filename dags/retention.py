"""Report tables' sizes, and remove what is kept only for a while: how things went, never what was decided.

**Waits for:** nothing; with a live source Airflow runs it on the first Sunday of each month, and then it only reports,
unless `RETENTION_REMOVES` is set. Trigger it with `remove` to remove what it reports.
**Writes:** nothing, or removes what is older than `RETENTION_DAYS` from `data_quality_results`, `alerts` (closed ones,
with their `alert_notifications`), `order_hints`, `pending_signals`, `pending_model_runs`, `pending_predictions` and the
folder of task logs. `audit_events` and everything else is kept for ever. No table is partitioned. `report_tables` logs
rows, dead rows and bytes of each table, and warns where autovacuum does not keep up.
**Rerun:** safe: what is gone is not found again.
**If it fails:** the message says why. Rows go all or none, files after them. Less than 30 days is refused.
"""

from airflow.sdk import chain

from plugins.dag_defaults import retention_dag
from plugins.operators.upkeep import UpkeepOperator

with retention_dag("retention", __doc__):
    chain(
        UpkeepOperator(task_id="report_tables"),
        UpkeepOperator(task_id="report_expired"),
        UpkeepOperator(task_id="remove_expired", arguments={"asked": "{{ params.remove }}"}),
    )
