"""Fill what was ordered, blend the votes, decide what to hold, check it against every limit, order it, keep the books.

**Waits for:** asset `signals`.
**Writes:** `ensemble_signals`, `target_positions`, `risk_decisions`, `orders`, `fills`, `ledger_entries`, `positions`,
`account_snapshots`, `risk_snapshots`; asset `positions`.
**Rerun:** always safe: an order has one identity and is written once. With `start` and `end` past sessions
are decided again from what they rested on, and compared; nothing is ever re-decided.
`check_books` fails when a `check_*` view holds a row of the run's sessions, and goes on failing until it is mended.
**If it fails:** the session stays open and the next run goes on where this one stopped. To stop all
ordering: `make kill REASON="..."`, or trigger `kill_switch` with `action` latch; to go on: `make rearm
REASON="..."`, or `action` rearm. Exits that rest keep resting, and fill: they only reduce risk.
"""

from airflow.sdk import chain

from plugins.assets import POSITIONS, SIGNALS
from plugins.dag_defaults import stage_dag
from plugins.operators.order_approval import approval_tasks
from plugins.operators.stage_step import StageStepOperator

FIRST = "reconcile_fills"

with stage_dag("risk_execution", __doc__, [SIGNALS]):
    chain(
        StageStepOperator(task_id=FIRST, first_step=FIRST),
        StageStepOperator(task_id="blend_signals", first_step=FIRST),
        StageStepOperator(task_id="build_targets", first_step=FIRST),
        StageStepOperator(task_id="check_risk", first_step=FIRST),
        *approval_tasks(FIRST),
        StageStepOperator(task_id="submit_orders", first_step=FIRST),
        StageStepOperator(task_id="mark_positions", first_step=FIRST),
        StageStepOperator(task_id="check_books", first_step=FIRST, outlets=[POSITIONS]),
    )
